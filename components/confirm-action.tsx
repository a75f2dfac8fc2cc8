"use client";

import { type ReactNode, useState } from "react";
import type { ActionResult } from "@/components/action-result";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { moneyText } from "@/components/display/money";
import { useOneRun } from "@/components/hooks";
import { FailureNotice } from "@/components/notice";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogTrigger } from "@/components/ui/alert-dialog";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Textarea } from "@/components/ui/textarea";
import { toast } from "@/components/ui/toast";

export type ConfirmActionProps = {
  /** The words of the button that opens the question. */
  label: ReactNode;
  variant?: ButtonProps["variant"];
  size?: ButtonProps["size"];
  isDisabled?: boolean;
  /** "Refund this payment?" */
  title: string;
  /** "Refund": stands with the amount on the button that does it. */
  verb: string;
  amount?: { amount: number; currency: string };
  partner?: string;
  mode?: Mode;
  /** What will be true afterwards, in a sentence. */
  consequence: ReactNode;
  facts?: ReadonlyArray<{ term: string; value: ReactNode }>;
  tone?: "primary" | "danger";
  reason?: { label: string; isRequired?: boolean };
  cancelWord?: string;
  /** Fields that say what exactly is meant; stand between the facts and the reason. */
  children?: ReactNode;
  /** False while the fields do not say something that can be done. */
  isReady?: boolean;
  onOpen?: () => void;
  successMessage?: string;
  // biome-ignore lint/suspicious/noConfusingVoidType: an action may answer nothing
  onConfirm: (input: { reason: string }) => Promise<ActionResult<unknown> | ActionResult | void>;
  onDone?: () => void;
};

const UNANSWERED = "No answer came back. It may have been done all the same: look at the timeline before trying again.";

/** Asks once more before money moves or something ends, and says exactly what will happen. */
export function ConfirmAction({
  label,
  variant = "secondary",
  size = "md",
  isDisabled = false,
  title,
  verb,
  amount,
  partner,
  mode,
  consequence,
  facts = [],
  tone = "danger",
  reason,
  cancelWord = "Go back",
  children,
  isReady = true,
  onOpen,
  successMessage,
  onConfirm,
  onDone,
}: ConfirmActionProps) {
  const [isOpen, setOpen] = useState(false);
  const [failure, setFailure] = useState<{ message: string; requestId?: string | undefined } | null>(null);
  const [reasonText, setReasonText] = useState("");
  const { isRunning, hasStarted, run } = useOneRun();

  async function confirm(): Promise<void> {
    setFailure(null);
    try {
      const result = await onConfirm({ reason: reasonText.trim() });
      if (result !== undefined && !result.ok) {
        setFailure(result);
        return;
      }
      setOpen(false);
      setReasonText("");
      const said = result?.message ?? successMessage;
      if (said !== undefined) toast.success(said);
      onDone?.();
    } catch {
      setFailure({ message: UNANSWERED });
    }
  }

  const rows = [
    ...(amount === undefined
      ? []
      : [
          {
            term: "Amount",
            value: <strong className="font-semibold">{moneyText(amount.amount, amount.currency)}</strong>,
          },
        ]),
    ...(partner === undefined ? [] : [{ term: "Partner", value: partner }]),
    ...(mode === undefined ? [] : [{ term: "Mode", value: <ModeBadge mode={mode} /> }]),
    ...facts,
  ];
  const isReasonMissing = reason?.isRequired === true && reasonText.trim() === "";

  return (
    <AlertDialog
      open={isOpen}
      onOpenChange={(open) => {
        if (hasStarted()) return;
        if (open) onOpen?.();
        setOpen(open);
        setFailure(null);
      }}
    >
      <AlertDialogTrigger asChild>
        <Button variant={variant} size={size} disabled={isDisabled}>
          {label}
        </Button>
      </AlertDialogTrigger>
      <AlertDialogContent
        title={title}
        description={consequence}
        footer={
          <>
            <AlertDialogCancel asChild>
              <Button disabled={isRunning}>{cancelWord}</Button>
            </AlertDialogCancel>
            <Button
              variant={tone}
              isBusy={isRunning}
              disabled={isReasonMissing || !isReady}
              onClick={() => void run(confirm)}
            >
              {verb}
              {amount === undefined ? "" : ` ${moneyText(amount.amount, amount.currency)}`}
            </Button>
          </>
        }
      >
        <div className="grid gap-3">
          {rows.length === 0 ? null : (
            <dl className="grid gap-1 rounded-md border border-line bg-surface px-3 py-2">
              {rows.map((row) => (
                <div key={row.term} className="flex items-center justify-between gap-4 text-sm">
                  <dt className="text-ink-3">{row.term}</dt>
                  <dd className="min-w-0 break-words text-right">{row.value}</dd>
                </div>
              ))}
            </dl>
          )}
          {children}
          {reason === undefined ? null : (
            <Field label={reason.label} isRequired={reason.isRequired ?? false}>
              {(control) => (
                <Textarea
                  {...control}
                  rows={2}
                  maxLength={500}
                  value={reasonText}
                  onChange={(event) => setReasonText(event.target.value)}
                />
              )}
            </Field>
          )}
          <FailureNotice failure={failure} />
        </div>
      </AlertDialogContent>
    </AlertDialog>
  );
}
