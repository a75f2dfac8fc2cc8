"use client";

import { Check, CircleAlert, CircleDashed } from "lucide-react";
import { useSearchParams } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { cn } from "@/components/cn";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { Fields } from "../../_forms/inputs";
import { Missing } from "./missing";
import type { OnboardingRights } from "./onboarding";
import { ReviewStep } from "./review-step";
import { SectionStep } from "./section-step";
import { isFormSection, isStep, pathOf, STEP_WORDS, STEPS, type Step, stateOf, stepOf } from "./steps";
import { StoresStep } from "./stores-step";
import { type DraftControl, useDraft } from "./use-draft";

/** What names a field of the draft: of what is missing, or of what Klarna refused. */
export type About = { section: string; item: string | null; field: string };

export function Wizard({ draft, rights }: { draft: DraftRecord; rights: OnboardingRights }) {
  const control = useDraft(draft);
  const asked = useSearchParams().get("step");
  const step: Step = isStep(asked) ? asked : "company";
  const [target, setTarget] = useState<{ step: Step; path: string | null } | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const isReadOnly = !draft.may.edit || (step === "payments" && !draft.may.editPayments);

  function go(next: Step, path: string | null = null): void {
    void control.flush();
    setTarget({ step: next, path });
    if (next !== step) window.history.pushState(null, "", `?step=${next}`);
  }

  // Once the step is shown (the address follows a moment later): to the field that was asked for, else to its heading.
  useEffect(() => {
    if (target === null || target.step !== step) return;
    const field = target.path === null ? null : findField(target.path);
    (field ?? heading.current)?.focus();
    field?.scrollIntoView({ block: "center" });
    setTarget(null);
  }, [target, step]);

  const jump = (about: About) => go(stepOf(about.section), pathOf(control.form, about));
  const index = STEPS.indexOf(step);
  const next = STEPS[index + 1];
  const previous = STEPS[index - 1];

  function goOn(): void {
    if (next === undefined) return;
    const wrong = isFormSection(step) && !isReadOnly ? control.showIssues(step) : null;
    if (wrong === null) go(next);
    else setTarget({ step, path: wrong });
  }

  const words = STEP_WORDS[step];
  const problems = draft.problems.filter((problem) => stepOf(problem.section) === step);
  return (
    <>
      <DraftNotices draft={draft} control={control} rights={rights} />
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[200px_minmax(0,1fr)] xl:grid-cols-[200px_minmax(0,1fr)_300px]">
        <StepList draft={draft} step={step} onGo={go} />
        <Panel>
          <div className="grid gap-4">
            <div className="flex flex-wrap items-start gap-x-4 gap-y-1">
              <div className="min-w-0 flex-1">
                <h2 ref={heading} tabIndex={-1} className="font-semibold text-lg outline-none">
                  {words.title}
                </h2>
                <p className="text-ink-2 text-sm">{words.hint}</p>
              </div>
              <SaveWords control={control} step={step} />
            </div>
            {problems.length === 0 ? null : (
              <Notice tone="bad" title="Klarna did not accept this">
                <ul className="grid gap-0.5">
                  {problems.map((problem) => (
                    <li key={`${problem.section} ${problem.item} ${problem.field}`}>
                      <button
                        type="button"
                        className="rounded-xs text-left underline underline-offset-2"
                        onClick={() => jump(problem)}
                      >
                        {[problem.item, problem.field].filter(Boolean).join(", ") || STEP_WORDS[step].title}
                      </button>
                      : {problem.detail}
                    </li>
                  ))}
                </ul>
              </Notice>
            )}
            <Fields state={{ errorOf: control.errorOf, onLeave: control.onLeave, isReadOnly }}>
              {isFormSection(step) ? (
                <SectionStep draft={draft} control={control} section={step} isReadOnly={isReadOnly} />
              ) : step === "stores" ? (
                <StoresStep draft={draft} control={control} canImport={rights.canImport} isReadOnly={isReadOnly} />
              ) : (
                <ReviewStep draft={draft} control={control} rights={rights} onJump={jump} onGo={go} />
              )}
            </Fields>
            <div className="flex flex-wrap justify-between gap-2 border-line border-t pt-4">
              {previous === undefined ? <span /> : <Button onClick={() => go(previous)}>Back</Button>}
              {next === undefined ? null : (
                <Button variant="primary" onClick={goOn}>
                  Continue
                </Button>
              )}
            </div>
          </div>
        </Panel>
        <Missing draft={draft} onJump={jump} className="lg:col-start-2 xl:col-start-3 xl:row-start-1" />
      </div>
    </>
  );
}

/** The control of a path, or the first below it. What is folded is opened. */
function findField(path: string): HTMLElement | null {
  const found =
    document.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`) ??
    document.querySelector<HTMLElement>(`[data-path^="${CSS.escape(path)}."]`);
  if (found === null) return null;
  found.closest("details")?.setAttribute("open", "");
  if (found.matches("input, button, textarea")) return found;
  return found.querySelector<HTMLElement>("button, input, textarea");
}

function StepList({ draft, step, onGo }: { draft: DraftRecord; step: Step; onGo: (step: Step) => void }) {
  return (
    <nav aria-label="Steps of the onboarding" className="min-w-0">
      <ol className="flex gap-1 overflow-x-auto max-lg:pb-1 lg:grid">
        {STEPS.map((one) => {
          const { state, missing } = stateOf(draft, one);
          const Icon = state === "problem" ? CircleAlert : state === "done" ? Check : CircleDashed;
          const said =
            state === "problem"
              ? "refused by Klarna"
              : missing > 0
                ? `${missing} missing`
                : state === "done"
                  ? "complete"
                  : "";
          return (
            <li key={one} className="shrink-0">
              <button
                type="button"
                aria-current={one === step ? "step" : undefined}
                onClick={() => onGo(one)}
                className={cn(
                  "flex min-h-9 w-full items-center gap-2 rounded-md px-2.5 text-left text-sm hover:bg-hover",
                  one === step ? "bg-accent-soft font-medium text-ink" : "text-ink-2",
                )}
              >
                <Icon
                  aria-hidden
                  className={cn(
                    "size-4 shrink-0",
                    state === "problem" ? "text-bad" : state === "done" ? "text-good" : "text-ink-3",
                  )}
                />
                <span className="flex-1 whitespace-nowrap">{STEP_WORDS[one].title}</span>
                {said === "" ? null : <span className="sr-only">({said})</span>}
                {missing > 0 ? (
                  <span aria-hidden className="text-ink-3 text-xs tabular-nums">
                    {missing}
                  </span>
                ) : null}
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function SaveWords({ control, step }: { control: DraftControl; step: Step }) {
  const { save } = control;
  const wrong = isFormSection(step) ? control.issueCount(step) : 0;
  const words =
    save.kind === "saving"
      ? "Saving…"
      : save.kind === "saved"
        ? "All saved"
        : save.kind === "waiting"
          ? wrong > 0
            ? `Not saved: ${wrong === 1 ? "1 field is" : `${wrong} fields are`} not right yet`
            : "Typing…"
          : "Not saved";
  return (
    <p role="status" className={cn("text-xs", save.kind === "saved" ? "text-ink-3" : "text-ink-2")}>
      {words}
    </p>
  );
}

function DraftNotices({
  draft,
  control,
  rights,
}: {
  draft: DraftRecord;
  control: DraftControl;
  rights: OnboardingRights;
}) {
  const { save } = control;
  return (
    <>
      {save.kind === "conflict" ? (
        <Notice
          tone="warn"
          title="Somebody else has changed this draft meanwhile."
          action={
            <div className="flex flex-wrap gap-2">
              <Button size="sm" onClick={() => void control.takeTheirs()}>
                Show theirs
              </Button>
              <Button size="sm" onClick={() => void control.keepMine()}>
                Keep mine
              </Button>
            </div>
          }
        >
          What you typed in this step is not saved. Theirs replaces it, or yours replaces that step of theirs.
        </Notice>
      ) : null}
      {save.kind === "failed" ? (
        <Notice
          tone="bad"
          title={`Not saved: ${save.message}`}
          action={
            <Button size="sm" onClick={() => void control.flush()}>
              Try again
            </Button>
          }
        />
      ) : null}
      {draft.rejectReason === null ? null : (
        <Notice tone="warn" title="The acquirer sent this draft back">
          {draft.rejectReason}
        </Notice>
      )}
      {draft.state === "REFUSED" ? (
        <Notice tone="bad" title="Klarna refused the account. Correct what is marked and send it again." />
      ) : null}
      {draft.state === "SUBMITTED" ? (
        <Notice
          tone="info"
          title={
            rights.isAcquirer
              ? "The Partner has handed this draft in. Look at it, then approve it or send it back."
              : "Handed in. The acquirer looks at it now; you hear by mail."
          }
        />
      ) : null}
      {!draft.may.edit && draft.state === "DRAFT" ? (
        <Notice
          tone="info"
          title={
            rights.isAcquirer
              ? "Your role reads drafts only."
              : "The acquirer fills this draft. You can look at it here."
          }
        />
      ) : null}
    </>
  );
}
