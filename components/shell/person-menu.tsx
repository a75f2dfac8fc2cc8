"use client";

import { Keyboard, Laptop, LogOut, ShieldCheck } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useTransition } from "react";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { Kbd } from "@/components/ui/kbd";
import type { ShellUser } from "./app-shell";
import { ThemeChoice } from "./theme-choice";

export function PersonMenu({
  user,
  hasOwnPages,
  signOut,
  onOpenHelp,
}: {
  user: ShellUser;
  /** Nobody else opens a person's security and sessions. */
  hasOwnPages: boolean;
  signOut: () => Promise<void>;
  onOpenHelp: () => void;
}) {
  const [isLeaving, start] = useTransition();
  return (
    <DropdownMenu>
      <DropdownMenuTrigger
        aria-label={`${initials(user.name)}, ${user.name}: account menu`}
        className="grid size-8 shrink-0 place-items-center rounded-full bg-neutral-soft font-medium text-ink-2 text-xs hover:text-ink"
      >
        {initials(user.name)}
      </DropdownMenuTrigger>
      <DropdownMenuContent className="w-60">
        <div className="grid px-2 py-1.5">
          <span className="truncate font-medium text-sm">{user.name}</span>
          <span className="truncate text-ink-3 text-xs">{user.email}</span>
          <span className="text-ink-3 text-xs">{user.roleLabel}</span>
        </div>
        <DropdownMenuSeparator />
        <ThemeChoice />
        <DropdownMenuSeparator />
        {hasOwnPages ? (
          <>
            <DropdownMenuItem asChild>
              <Link href={"/settings/security" as Route}>
                <ShieldCheck aria-hidden />
                Your security
              </Link>
            </DropdownMenuItem>
            <DropdownMenuItem asChild>
              <Link href={"/settings/sessions" as Route}>
                <Laptop aria-hidden />
                Your sessions
              </Link>
            </DropdownMenuItem>
          </>
        ) : null}
        <DropdownMenuItem onSelect={onOpenHelp}>
          <Keyboard aria-hidden />
          Keyboard shortcuts
          <Kbd className="ml-auto">?</Kbd>
        </DropdownMenuItem>
        <DropdownMenuItem
          disabled={isLeaving}
          onSelect={(event) => {
            event.preventDefault();
            start(() => signOut());
          }}
        >
          <LogOut aria-hidden />
          {isLeaving ? "Signing out" : "Sign out"}
        </DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => word?.charAt(0) ?? "");
  return letters.join("").toUpperCase();
}
