/** A word of a closed list as our REST API spells it: `IN_STORE` as `in_store`. */
export const lowerCase = <T extends string>(word: T): Lowercase<T> => word.toLowerCase() as Lowercase<T>;

/** What somebody typed as a list, with commas, blanks or lines between its parts. */
export const listOf = (typed: string): string[] => typed.split(/[\s,]+/).filter((part) => part !== "");
