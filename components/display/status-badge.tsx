import { Badge } from "@/components/ui/badge";
import { type StatusKind, statusWord } from "./status-words";

export type StatusBadgeProps = {
  kind: StatusKind;
  status: string;
  /** Put after the word where time matters: "Waiting for customer · 4 min". */
  detail?: string;
  className?: string;
};

export function StatusBadge({ kind, status, detail, className }: StatusBadgeProps) {
  const { word, tone } = statusWord(kind, status);
  return (
    <Badge tone={tone} hasDot {...(className === undefined ? {} : { className })}>
      {word}
      {detail === undefined ? null : <span className="font-normal"> · {detail}</span>}
    </Badge>
  );
}
