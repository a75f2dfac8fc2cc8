import { notFound } from "next/navigation";
import { isAppError } from "@/server/core/errors";

/** A record for its page: what is not there, or not within the person's sight, is answered as one that does not exist. */
export async function orNotFound<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (isAppError(error) && error.status === 404) notFound();
    throw error;
  }
}
