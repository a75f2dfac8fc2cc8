import type { Metadata } from "next";
import { EmptyState } from "@/components/empty-state";
import { ButtonLink } from "@/components/ui/button";

export const metadata: Metadata = { title: "Not found" };

export default function NotFoundPage() {
  return (
    <main className="grid min-h-[60dvh] place-items-center p-6">
      <EmptyState
        title="Nothing here"
        description="The page does not exist, or it belongs to a Partner you cannot see."
        action={<ButtonLink href="/">Go to the overview</ButtonLink>}
      />
    </main>
  );
}
