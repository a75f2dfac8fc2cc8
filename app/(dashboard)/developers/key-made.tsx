"use client";

import type { Route } from "next";
import Link from "next/link";
import { SecretDialogContent, SecretOnce } from "@/components/secret-once";
import { Button } from "@/components/ui/button";
import { DialogContent } from "@/components/ui/dialog";
import type { KeyMade } from "./actions";

/** What came of asking for a key: the key, this once, or the request that somebody else must approve. */
export function KeyMadeContent({ made, onClose }: { made: KeyMade; onClose: () => void }) {
  return made.key !== null ? (
    <SecretDialogContent title="The key is created" onClose={onClose}>
      <SecretOnce
        label="API key"
        value={made.key}
        hint="Keep it where only your systems can read it. It is not shown again; lost keys are revoked and replaced."
      />
    </SecretDialogContent>
  ) : (
    <DialogContent
      title="A second person must approve this"
      footer={
        <Button variant="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <p className="text-ink-2 text-sm">
        Those who can were told by mail. Once one of them agrees you collect the key on{" "}
        <Link href={`/settings/approvals/${made.approvalId}` as Route} className="underline underline-offset-2">
          the page of your request
        </Link>
        .
      </p>
    </DialogContent>
  );
}
