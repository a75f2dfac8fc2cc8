"use client";

import { CircleAlert, RotateCw } from "lucide-react";
import { cn } from "@/components/cn";
import { CopyButton } from "@/components/display/copy-button";
import { Button } from "@/components/ui/button";

export type ErrorStateProps = {
  title?: string;
  message: string;
  requestId?: string | undefined;
  onRetry?: () => void;
  isRetrying?: boolean;
  className?: string;
};

/** What failed, in a sentence, with the id to quote and the way to try again. */
export function ErrorState({
  title = "This could not be loaded",
  message,
  requestId,
  onRetry,
  isRetrying = false,
  className,
}: ErrorStateProps) {
  return (
    <div
      role="alert"
      className={cn("mx-auto grid max-w-md justify-items-center gap-1 px-4 py-10 text-center", className)}
    >
      <CircleAlert aria-hidden className="mb-1.5 size-5 text-bad" />
      <p className="font-semibold text-base">{title}</p>
      <p className="text-balance text-ink-2 text-sm">{message}</p>
      {requestId === undefined ? null : (
        <p className="flex items-center text-ink-3 text-xs">
          Request <span className="ml-1 font-mono">{requestId}</span>
          <CopyButton text={requestId} label="Copy request id" />
        </p>
      )}
      {onRetry === undefined ? null : (
        <Button className="mt-3" onClick={onRetry} isBusy={isRetrying}>
          {isRetrying ? null : <RotateCw aria-hidden />}
          Try again
        </Button>
      )}
    </div>
  );
}

/** The sentence and request id of whatever a query failed with, without trusting its shape. */
export function describeError(error: unknown): { message: string; requestId: string | undefined } {
  const fallback = "The server did not answer. Check the connection and try again.";
  if (typeof error !== "object" || error === null) return { message: fallback, requestId: undefined };
  const message =
    "message" in error && typeof error.message === "string" && !error.message.startsWith("Failed to fetch")
      ? error.message
      : fallback;
  const data = "data" in error && typeof error.data === "object" && error.data !== null ? error.data : error;
  const requestId = "requestId" in data && typeof data.requestId === "string" ? data.requestId : undefined;
  return { message, requestId };
}
