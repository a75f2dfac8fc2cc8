"use client";

import { Download } from "lucide-react";
import { CopyButton } from "@/components/display/copy-button";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";

/** Ten codes, this once: to copy, to keep as a file, or to write down. */
export function RecoveryCodes({ codes }: { codes: readonly string[] }) {
  const text = `Recovery codes for Tillgate. Each works once.\n\n${codes.join("\n")}\n`;
  return (
    <div className="grid gap-3">
      <Notice tone="warn" title="Keep these recovery codes">
        Each signs you in once when you do not have your phone or passkey. They are not shown again.
      </Notice>
      <ol
        aria-label="Recovery codes"
        className="grid grid-cols-2 gap-x-6 gap-y-1 rounded-md border border-line bg-bg px-4 py-3 font-mono text-sm tabular-nums"
      >
        {codes.map((code) => (
          <li key={code} className="select-all">
            {code}
          </li>
        ))}
      </ol>
      <div className="flex flex-wrap gap-2">
        <CopyButton text={codes.join("\n")} label="Copy recovery codes" withWord />
        <Button
          size="sm"
          variant="ghost"
          onClick={() => {
            const link = document.createElement("a");
            link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
            link.download = "tillgate-recovery-codes.txt";
            link.click();
            URL.revokeObjectURL(link.href);
          }}
        >
          <Download aria-hidden />
          Save as a file
        </Button>
      </div>
    </div>
  );
}
