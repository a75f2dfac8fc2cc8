"use client";

import dynamic from "next/dynamic";
import { type ReactNode, useEffect, useState } from "react";
import { cn } from "@/components/cn";
import type { Mode } from "@/components/display/mode-badge";
import { Sheet, SheetContent } from "@/components/ui/sheet";
import { CrumbProvider } from "./crumb-label";
import type { ViewedAs } from "./impersonation-banner";
import type { Hit, NavItem, ShellAction } from "./nav";
import { Sidebar } from "./sidebar";
import { SIDEBAR_COOKIE } from "./sidebar-cookie";
import { TopBar } from "./top-bar";
import { useShellKeys } from "./use-shell-keys";

// Loaded when first opened: neither belongs to a page's first load.
const loadPalette = () => import("./command-palette").then((module) => module.CommandPalette);
const CommandPalette = dynamic(loadPalette, {
  ssr: false,
});
const ShortcutsHelp = dynamic(() => import("./shortcuts-help").then((module) => module.ShortcutsHelp), { ssr: false });

const PALETTE_LOAD_MS = 1_000;

export type ShellUser = { name: string; email: string; roleLabel: string };
export type PartnerChoice = { id: string; name: string };

export type AppShellProps = {
  user: ShellUser;
  mode: Mode;
  /** Modes the person may see; the switch shows with two. */
  modes: readonly Mode[];
  /** Where this runs: "Demo", "Production". */
  environment: string;
  /** Only what the person may open. */
  nav: readonly NavItem[];
  actions?: readonly ShellAction[];
  /** For people with several: which Partner they look at; null is all of them. */
  partners?: readonly PartnerChoice[];
  partnerId?: string | null;
  isFoldedAtFirst?: boolean;
  setMode: (mode: Mode) => Promise<void>;
  setPartner?: (partnerId: string | null) => Promise<void>;
  signOut: () => Promise<void>;
  /** Set while somebody sees the screens as another person, who `user` is. */
  viewedAs?: ViewedAs | undefined;
  stopViewing?: () => Promise<{ path: string }>;
  search?: (text: string) => Promise<readonly Hit[]>;
  children: ReactNode;
};

export function AppShell({ children, ...props }: AppShellProps) {
  const [isFolded, setFolded] = useState(props.isFoldedAtFirst ?? false);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  useShellKeys({ nav: props.nav, openPalette: () => setPaletteOpen(true), openHelp: () => setHelpOpen(true) });

  // Fetched once the page is at rest: what is typed right after Ctrl K must not be lost.
  useEffect(() => {
    const timer = setTimeout(() => void loadPalette(), PALETTE_LOAD_MS);
    return () => clearTimeout(timer);
  }, []);

  const fold = (): void => {
    const next = !isFolded;
    setFolded(next);
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser, and this holds no secret
    document.cookie = `${SIDEBAR_COOKIE}=${next ? "folded" : "open"}; path=/; max-age=31536000; samesite=lax`;
  };

  return (
    <CrumbProvider>
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-accent-ink focus-visible:not-sr-only focus-visible:fixed focus-visible:top-2 focus-visible:left-2"
      >
        Skip to content
      </a>
      {/* Nobody may refund the wrong world: test mode marks the top of every screen. */}
      {props.mode === "test" ? <div aria-hidden className="fixed inset-x-0 top-0 z-30 h-0.5 bg-test" /> : null}
      <div className="flex min-h-dvh">
        <div
          className={cn(
            "sticky top-0 hidden h-dvh w-14 shrink-0 border-line border-r transition-[width] md:block",
            !isFolded && "lg:w-[232px]",
          )}
        >
          <Sidebar nav={props.nav} isFolded={isFolded} environment={props.environment} onFold={fold} />
        </div>
        <div className="flex min-w-0 flex-1 flex-col">
          <TopBar
            {...props}
            onOpenMenu={() => setMenuOpen(true)}
            onOpenPalette={() => setPaletteOpen(true)}
            onOpenHelp={() => setHelpOpen(true)}
          />
          <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none">
            {children}
          </main>
        </div>
      </div>
      <Sheet open={isMenuOpen} onOpenChange={setMenuOpen}>
        <SheetContent side="left" title="Menu" isHeaderHidden>
          <Sidebar
            nav={props.nav}
            isFolded={false}
            isSheet
            environment={props.environment}
            onNavigate={() => setMenuOpen(false)}
          />
        </SheetContent>
      </Sheet>
      {isPaletteOpen ? (
        <CommandPalette
          isOpen
          onOpenChange={setPaletteOpen}
          nav={props.nav}
          actions={props.actions ?? []}
          {...(props.search === undefined ? {} : { search: props.search })}
        />
      ) : null}
      {isHelpOpen ? <ShortcutsHelp isOpen onOpenChange={setHelpOpen} nav={props.nav} /> : null}
    </CrumbProvider>
  );
}
