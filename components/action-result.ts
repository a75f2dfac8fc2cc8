/** What every server action of a screen answers: done, or a sentence a person can act on. Never a thrown error. */
export type ActionFailure = {
  ok: false;
  code: string;
  message: string;
  requestId?: string | undefined;
  fields?: Record<string, string> | undefined;
};

export type ActionResult<T = undefined> =
  | ({ ok: true; message?: string | undefined } & (T extends undefined ? { data?: undefined } : { data: T }))
  | ActionFailure;
