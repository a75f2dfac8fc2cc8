"use client";

import { ErrorState } from "@/components/error-state";

export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <main className="grid min-h-[60dvh] place-items-center p-6">
      <ErrorState
        title="This page could not be shown"
        message="Something went wrong on our side. Nothing was changed by opening this page."
        requestId={error.digest}
        onRetry={reset}
      />
    </main>
  );
}
