"use client";

import { PanelLeftClose, PanelLeftOpen } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { cn } from "@/components/cn";
import { Logo } from "./logo";
import { isCurrent, NAV_ICONS, type NavItem } from "./nav";

export type SidebarProps = {
  nav: readonly NavItem[];
  isFolded: boolean;
  /** Inside the phone's sheet: always with words. */
  isSheet?: boolean;
  environment: string;
  onFold?: () => void;
  onNavigate?: () => void;
};

export function Sidebar({ nav, isFolded, isSheet = false, environment, onFold, onNavigate }: SidebarProps) {
  const pathname = usePathname();
  const groups = [...new Set(nav.map((item) => item.group))];
  // Between tablet and desktop there is room for icons only, whatever was chosen.
  const word = isSheet ? "" : isFolded ? "sr-only" : "max-lg:sr-only";
  const row = isSheet ? "" : isFolded ? "justify-center px-0" : "max-lg:justify-center max-lg:px-0";
  const dot = isSheet ? "hidden" : isFolded ? "" : "lg:hidden";
  return (
    <div className="flex h-full flex-col">
      <div className={cn("flex h-12 shrink-0 items-center gap-2.5 border-line border-b px-4", row)}>
        <Link
          href={"/" as Route}
          onClick={onNavigate}
          aria-label="Tillgate, overview"
          className="flex items-center gap-2.5 rounded-sm"
        >
          <Logo className="size-6" />
          <span className={cn("font-semibold text-base tracking-[-0.01em]", word)}>Tillgate</span>
        </Link>
        <span
          className={cn(
            "ml-auto rounded-sm bg-neutral-soft px-1.5 text-ink-2 text-xs leading-5",
            isSheet ? "" : isFolded ? "hidden" : "max-lg:hidden",
          )}
        >
          {environment}
        </span>
      </div>
      <nav aria-label="Main" className="min-h-0 flex-1 overflow-y-auto px-2 py-2">
        {groups.map((group, index) => (
          <ul key={group} aria-label={group} className={cn("grid gap-px py-1.5", index > 0 && "border-line border-t")}>
            {nav
              .filter((item) => item.group === group)
              .map((item) => {
                const Icon = NAV_ICONS[item.icon];
                const isHere = isCurrent(pathname, item.href);
                return (
                  <li key={item.href}>
                    <Link
                      href={item.href as Route}
                      onClick={onNavigate}
                      aria-current={isHere ? "page" : undefined}
                      title={item.label}
                      className={cn(
                        "relative flex h-8 items-center gap-2.5 rounded-md px-2.5 text-sm transition-colors",
                        isHere ? "bg-accent-soft font-medium text-accent" : "text-ink-2 hover:bg-hover hover:text-ink",
                        row,
                      )}
                    >
                      <Icon aria-hidden className="size-4 shrink-0" />
                      <span className={cn("truncate", word)}>{item.label}</span>
                      {item.count === undefined || item.count === 0 ? null : (
                        <Count count={item.count} word={word} dot={dot} />
                      )}
                    </Link>
                  </li>
                );
              })}
          </ul>
        ))}
      </nav>
      {onFold === undefined ? null : (
        <div className="border-line border-t p-2 max-lg:hidden">
          <button
            type="button"
            onClick={onFold}
            aria-expanded={!isFolded}
            aria-label={isFolded ? "Unfold the menu" : "Fold the menu"}
            className={cn(
              "flex h-8 w-full items-center gap-2.5 rounded-md px-2.5 text-ink-3 text-sm hover:bg-hover hover:text-ink",
              row,
            )}
          >
            {isFolded ? (
              <PanelLeftOpen aria-hidden className="size-4" />
            ) : (
              <PanelLeftClose aria-hidden className="size-4" />
            )}
            <span className={word}>Fold</span>
          </button>
        </div>
      )}
    </div>
  );
}

/** How many ask for action; a dot where there is no room for a number. */
function Count({ count, word, dot }: { count: number; word: string; dot: string }) {
  return (
    <>
      <span
        className={cn(
          "ml-auto min-w-5 rounded-sm bg-warn-soft px-1 text-center font-medium text-warn text-xs leading-5",
          word,
        )}
      >
        {count}
      </span>
      <span aria-hidden className={cn("absolute top-1 right-1 size-1.5 rounded-full bg-warn", dot)} />
    </>
  );
}
