/** A reason not to start that a person can act on: its text is printed alone, without a stack. */
export class BootFailure extends Error {
  override name = "BootFailure";
}

export function isErrorWithCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
