"use client";

import { type ReactNode, useState } from "react";
import type { ActionResult } from "@/components/action-result";
import { useOneRun } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { BulkResult } from "@/server/domain/stores/schema";

const SHOWN_MAX = 100;
const UNANSWERED = "No answer came back. Look at the list before trying again.";

/** What became, or would become, of many records: counts first, then each that is refused with why. */
export function BulkReport({ result, isPlan }: { result: BulkResult; isPlan: boolean }) {
  const refused = result.items.filter((item) => item.outcome === "REFUSED");
  const words = [
    `${result.changed} ${isPlan ? "will change" : "changed"}`,
    ...(result.unchanged === 0 ? [] : [`${result.unchanged} ${isPlan ? "stay" : "stayed"} as they are`]),
    ...(result.refused === 0 ? [] : [`${result.refused} refused`]),
  ].join(" · ");
  return (
    <div className="grid gap-2">
      <Notice tone={result.refused > 0 ? "warn" : isPlan ? "info" : "good"} title={words} />
      {refused.length === 0 ? null : (
        <ul className="max-h-48 overflow-y-auto rounded-md border border-line text-sm">
          {refused.slice(0, SHOWN_MAX).map((item) => (
            <li key={item.id} className="border-line border-b px-3 py-1.5 last:border-b-0">
              <span className="font-medium">{item.label}</span> <span className="text-ink-3">{item.detail}</span>
            </li>
          ))}
          {refused.length > SHOWN_MAX ? (
            <li className="px-3 py-1.5 text-ink-3">and {refused.length - SHOWN_MAX} more</li>
          ) : null}
        </ul>
      )}
    </div>
  );
}

/** First what would happen, then the same for good: the last step of every change of many. */
export function BulkSteps({
  isReady,
  verb,
  run,
  onClose,
}: {
  /** Whether there is something to try. */
  isReady: boolean;
  verb: string;
  run: (isDryRun: boolean) => Promise<ActionResult<BulkResult>>;
  onClose: (hasChanged: boolean) => void;
}) {
  const [plan, setPlan] = useState<BulkResult | null>(null);
  const [done, setDone] = useState<BulkResult | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { isRunning, run: runOnce } = useOneRun();

  async function step(isDryRun: boolean): Promise<void> {
    setFailure(null);
    try {
      const result = await run(isDryRun);
      if (!result.ok) setFailure(result.message);
      else if (isDryRun) setPlan(result.data);
      else setDone(result.data);
    } catch {
      setFailure(UNANSWERED);
    }
  }

  return (
    <div className="grid gap-4">
      {done !== null ? (
        <BulkReport result={done} isPlan={false} />
      ) : plan !== null ? (
        <BulkReport result={plan} isPlan />
      ) : null}
      {failure === null ? null : <Notice tone="bad" title={failure} />}
      <div className="flex flex-wrap justify-end gap-2">
        {done !== null ? (
          <Button variant="primary" onClick={() => onClose(true)}>
            Close
          </Button>
        ) : (
          <>
            <Button
              isBusy={isRunning && plan === null}
              disabled={!isReady}
              onClick={() => void runOnce(() => step(true))}
            >
              Preview
            </Button>
            <Button
              variant="primary"
              isBusy={isRunning && plan !== null}
              disabled={!isReady || plan === null || plan.changed === 0}
              onClick={() => void runOnce(() => step(false))}
            >
              {plan === null ? verb : `${verb} ${plan.changed}`}
            </Button>
          </>
        )}
      </div>
    </div>
  );
}

export type ChangeKind<Kind extends string> = { value: Kind; label: string; verb: string };

/** Asks which change the chosen records are to get and what it needs to know, then takes the last step. */
export function ChangeMany<Kind extends string>({
  title,
  isOpen,
  onOpen,
  kinds,
  kind,
  onKind,
  question,
  isReady,
  run,
  onDone,
  children,
}: {
  title: string;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
  kinds: readonly ChangeKind<Kind>[];
  kind: Kind;
  onKind: (kind: Kind) => void;
  /** What is asked, as text: another question begins the steps anew. */
  question: string;
  isReady: boolean;
  run: (isDryRun: boolean) => Promise<ActionResult<BulkResult>>;
  onDone: () => void;
  /** The fields of the chosen change. */
  children: ReactNode;
}) {
  const chosen = kinds.find((one) => one.value === kind);
  return (
    <Dialog open={isOpen} onOpenChange={onOpen}>
      <DialogTrigger asChild>
        <Button>Change</Button>
      </DialogTrigger>
      <DialogContent title={title} className="max-w-[560px]">
        <div className="grid gap-4">
          <Field label="Change" isRequired>
            {(control) => (
              <Select
                {...control}
                options={kinds}
                value={kind}
                onValueChange={(value) => onKind(kinds.find((one) => one.value === value)?.value ?? kind)}
              />
            )}
          </Field>
          {children}
          <BulkSteps
            key={question}
            isReady={isReady}
            verb={chosen?.verb ?? "Set"}
            run={run}
            onClose={() => {
              onOpen(false);
              onDone();
            }}
          />
        </div>
      </DialogContent>
    </Dialog>
  );
}
