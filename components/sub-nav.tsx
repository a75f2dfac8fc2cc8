"use client";

import type { Route } from "next";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { cn } from "@/components/cn";

export type SubNavItem = { label: string; href: string };

/** The parts of one area, as links under its title. The longest address that fits is where one is. */
export function SubNav({ label, items }: { label: string; items: readonly SubNavItem[] }) {
  const pathname = usePathname();
  const here = items
    .filter((item) => pathname === item.href || pathname.startsWith(`${item.href}/`))
    .sort((a, b) => b.href.length - a.href.length)[0];
  return (
    <nav aria-label={label} className="-mt-1 flex gap-4 overflow-x-auto border-line border-b">
      {items.map((item) => (
        <Link
          key={item.href}
          href={item.href as Route}
          aria-current={item === here ? "page" : undefined}
          className={cn(
            "-mb-px flex h-9 items-center whitespace-nowrap border-b-2 px-0.5 text-sm transition-colors focus-visible:-outline-offset-2",
            item === here ? "border-accent font-medium text-ink" : "border-transparent text-ink-2 hover:text-ink",
          )}
        >
          {item.label}
        </Link>
      ))}
    </nav>
  );
}
