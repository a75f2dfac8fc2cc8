import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";

/** A link within text or facts. */
export function TextLink({ href, className, children }: { href: string; className?: string; children: ReactNode }) {
  return (
    <Link
      href={href as Route}
      prefetch={false}
      className={cn("rounded-xs text-accent underline-offset-2 hover:underline", className)}
    >
      {children}
    </Link>
  );
}
