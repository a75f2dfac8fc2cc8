"use client";

import { type ReactNode, useId } from "react";
import { cn } from "@/components/cn";
import { Label } from "./label";

/** The attributes that tie a control to its label, hint and error. Spread them on the control. */
export type FieldControlProps = {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
  "aria-required": true | undefined;
};

export type FieldProps = {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  isRequired?: boolean;
  isLabelHidden?: boolean;
  className?: string;
  children: (control: FieldControlProps) => ReactNode;
};

export function Field({
  label,
  hint,
  error,
  isRequired = false,
  isLabelHidden = false,
  className,
  children,
}: FieldProps) {
  const id = useId();
  const hintId = `${id}-hint`;
  const errorId = `${id}-error`;
  const describedBy = [error === undefined ? "" : errorId, hint === undefined ? "" : hintId].filter(Boolean).join(" ");
  return (
    <div className={cn("grid content-start gap-1.5", className)}>
      <Label htmlFor={id} className={isLabelHidden ? "sr-only" : ""}>
        {label}
        {isRequired ? null : <span className="font-normal text-ink-3"> (optional)</span>}
      </Label>
      {children({
        id,
        "aria-describedby": describedBy === "" ? undefined : describedBy,
        "aria-invalid": error === undefined ? undefined : true,
        "aria-required": isRequired ? true : undefined,
      })}
      {hint === undefined ? null : (
        <p id={hintId} className="text-ink-3 text-xs">
          {hint}
        </p>
      )}
      {error === undefined ? null : (
        <p id={errorId} role="alert" className="text-bad text-xs">
          {error}
        </p>
      )}
    </div>
  );
}
