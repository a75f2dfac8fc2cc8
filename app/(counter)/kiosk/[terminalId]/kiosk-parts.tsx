"use client";

import { LoaderCircle } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export const BIG = "h-16 min-w-48 px-6 text-xl";
export const Turning = () => <LoaderCircle aria-hidden className="animate-spin" />;

export function Message({
  words,
  icon,
  tone = "text-ink-2",
  children,
}: {
  words: { title: string; sentence: string };
  icon: ReactNode;
  tone?: string;
  children?: ReactNode;
}) {
  return (
    <section className="grid justify-items-center gap-5 text-center">
      <span className={cn("[&_svg]:size-20", tone)}>{icon}</span>
      <div role="status" className="grid gap-2">
        <h1 className="text-balance font-semibold text-[clamp(28px,6vw,48px)] leading-tight">{words.title}</h1>
        <p className="text-balance text-ink-2 text-xl">{words.sentence}</p>
      </div>
      {children === undefined ? null : <div className="mt-2 flex flex-wrap justify-center gap-3">{children}</div>}
    </section>
  );
}
