/** Stands where a value is not there. */
export const NONE = <span className="text-ink-3">–</span>;
