"use client";

import "./globals.css";
import { ErrorState } from "@/components/error-state";

export default function GlobalErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <title>Error · Tillgate</title>
        <main className="grid min-h-dvh place-items-center p-6">
          <ErrorState
            title="Tillgate could not be shown"
            message="Something went wrong on our side. Payments at the tills are served elsewhere and go on."
            requestId={error.digest}
            onRetry={reset}
          />
        </main>
      </body>
    </html>
  );
}
