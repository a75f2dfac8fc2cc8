import type { Metadata, Route } from "next";
import { redirect } from "next/navigation";
import { returnPath } from "@/server/auth/return-path";
import { startEnrolment } from "@/server/auth/second-factor-steps";
import { currentHalfSession, currentSession, secondFactorPath, webServices } from "@/server/auth/web";
import { AuthCard } from "../auth-card";
import { Enrolment } from "./enrolment";

export const metadata: Metadata = { title: "Set up the second step", referrer: "same-origin" };

type Search = Promise<Record<string, string | string[] | undefined>>;

export default async function EnrolPage({ searchParams }: { searchParams: Search }) {
  const next = returnPath((await searchParams).next);
  const waiting = await currentHalfSession();
  // When it is done this page is drawn once more, with the session: the recovery codes are on it then.
  const isDone = waiting === null && (await currentSession()) !== null;
  if (!isDone && !waiting) redirect("/sign-in" as Route);
  if (waiting && waiting.half.level !== "ENROLMENT_DUE") redirect(secondFactorPath(waiting.half, next));
  const started = waiting ? await startEnrolment(webServices(), waiting.token) : null;
  return (
    <AuthCard
      isWide
      title="Set up the second step"
      lead="Your role can move money, so signing in takes a second step. Set it up once; it takes a minute."
    >
      <Enrolment secret={started?.secret ?? null} uri={started?.uri ?? null} next={next} />
    </AuthCard>
  );
}
