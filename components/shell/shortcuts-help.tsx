"use client";

import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import type { NavItem } from "./nav";

const GENERAL: ReadonlyArray<readonly [keys: readonly string[], word: string]> = [
  [["Ctrl", "K"], "Search and go (Cmd K on a Mac)"],
  [["?"], "This list"],
  [["/"], "Search in the list"],
  [["j"], "Next row"],
  [["k"], "Row before"],
  [["Enter"], "Open the row"],
  [["Space"], "Preview the row"],
  [["Esc"], "Close what is open"],
];

export function ShortcutsHelp({
  isOpen,
  onOpenChange,
  nav,
}: {
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  nav: readonly NavItem[];
}) {
  const going = nav.flatMap((item) => (item.letter === undefined ? [] : [[["g", item.letter], item.label] as const]));
  return (
    <Dialog open={isOpen} onOpenChange={onOpenChange}>
      <DialogContent title="Keyboard shortcuts" className="max-w-[560px]">
        <div className="grid gap-x-8 gap-y-4 sm:grid-cols-2">
          <ShortcutList title="Everywhere and in lists" shortcuts={GENERAL} />
          <ShortcutList title="Go to" shortcuts={going} />
        </div>
      </DialogContent>
    </Dialog>
  );
}

function ShortcutList({
  title,
  shortcuts,
}: {
  title: string;
  shortcuts: ReadonlyArray<readonly [readonly string[], string]>;
}) {
  return (
    <section>
      <h3 className="pb-1 text-ink-3 text-xs">{title}</h3>
      <dl>
        {shortcuts.map(([keys, word]) => (
          <div key={word} className="flex h-8 items-center justify-between gap-3 border-line border-b last:border-b-0">
            <dt>{word}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
