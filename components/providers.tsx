"use client";

import { ThemeProvider } from "next-themes";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import { createContext, type ReactNode, useContext, useState } from "react";
import { Toaster } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";

const NonceContext = createContext<string | undefined>(undefined);

declare global {
  /** Read by the style injector under Radix' dialogs; a style without the nonce of the document is refused. */
  var __webpack_nonce__: string | undefined;
}

/** The nonce of the document that is open: needed by the few primitives that insert a style element. */
export function useNonce(): string | undefined {
  return useContext(NonceContext);
}

export function Providers({ nonce, children }: { nonce: string | undefined; children: ReactNode }) {
  // A refresh renders the layout with the nonce of another request; the document keeps the first one.
  const [documentNonce] = useState(() => {
    if (typeof window !== "undefined") globalThis.__webpack_nonce__ = nonce;
    return nonce;
  });
  return (
    <NonceContext value={documentNonce}>
      <ThemeProvider
        attribute="class"
        defaultTheme="system"
        enableSystem
        disableTransitionOnChange
        storageKey="tillgate-theme"
        {...(documentNonce === undefined ? {} : { nonce: documentNonce })}
      >
        <NuqsAdapter>
          <TooltipProvider>
            {children}
            <Toaster />
          </TooltipProvider>
        </NuqsAdapter>
      </ThemeProvider>
    </NonceContext>
  );
}
