import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";

/** A link within text or facts. */
export function TextLink({
  href,
  isInText = false,
  className,
  children,
}: {
  href: string;
  /** Among words of a sentence it is underlined: colour alone does not tell it apart. */
  isInText?: boolean;
  className?: string;
  children: ReactNode;
}) {
  return (
    <Link
      href={href as Route}
      prefetch={false}
      className={cn("rounded-xs text-accent underline-offset-2", isInText ? "underline" : "hover:underline", className)}
    >
      {children}
    </Link>
  );
}
