import type { ReactNode } from "react";
import { Logo } from "@/components/shell/logo";
import { ThemeSwitch } from "@/components/shell/theme-switch";
import { TextLink } from "@/components/text-link";

const PAGES = [
  { label: "Reference", href: "/docs" },
  { label: "Errors", href: "/docs/errors" },
  { label: "At the counter", href: "/docs/counter" },
  { label: "Testing", href: "/docs/testing" },
];

/** Documents for the people who write a Partner's software: print on a page, open to anybody. */
export default function DocsLayout({ children }: { children: ReactNode }) {
  return (
    <div className="min-h-dvh bg-surface">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-accent-ink focus-visible:not-sr-only focus-visible:fixed focus-visible:top-2 focus-visible:left-2"
      >
        Skip to content
      </a>
      <header className="sticky top-0 z-20 border-line border-b bg-surface">
        <div className="mx-auto flex h-12 max-w-[1200px] items-center gap-x-6 gap-y-1 px-4 md:px-6">
          <TextLink href="/docs" className="flex items-center gap-2 text-ink hover:no-underline">
            <Logo className="size-6" />
            <span className="font-semibold text-base tracking-[-0.01em]">
              Tillgate <span className="font-normal text-ink-3 max-sm:hidden">for developers</span>
            </span>
          </TextLink>
          <nav aria-label="Documentation" className="flex gap-4">
            {PAGES.map((page) => (
              <TextLink key={page.href} href={page.href} className="text-ink-2 text-sm hover:text-ink">
                {page.label}
              </TextLink>
            ))}
          </nav>
          <div className="ml-auto max-md:hidden">
            <ThemeSwitch />
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1} className="mx-auto max-w-[1200px] px-4 py-8 outline-none md:px-6">
        {children}
      </main>
    </div>
  );
}
