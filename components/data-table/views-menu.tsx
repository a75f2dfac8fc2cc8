"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Bookmark, Check, Trash2 } from "lucide-react";
import { usePathname, useRouter } from "next/navigation";
import { type FormEvent, useState } from "react";
import { describeError } from "@/components/error-state";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent } from "@/components/ui/dialog";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { toast } from "@/components/ui/toast";
import { filterQuery } from "./table-state";
import type { TableControl } from "./use-table-state";

const NAME_MAX = 60;

/** The same question however its parts are ordered. */
function normal(query: string): string {
  const params = new URLSearchParams(query);
  params.sort();
  return params.toString();
}

/** Lists under a name: filter, sort and columns, for oneself or for colleagues. */
export function ViewsMenu({ control, shown }: { control: TableControl; shown: readonly string[] }) {
  const router = useRouter();
  const pathname = usePathname();
  const trpc = useTRPC();
  const [isOpen, setOpen] = useState(false);
  const [dialog, setDialog] = useState<"save" | "manage" | null>(null);
  const screen = control.def.id;
  const views = useQuery(trpc.views.list.queryOptions({ screen }, { enabled: isOpen || dialog !== null }));
  const items = views.data?.items ?? [];
  const plain = filterQuery(control.state, control.def);
  const here = new URLSearchParams(plain);
  if (control.columns !== null) here.set("cols", control.columns.join(","));
  const current = normal(here.toString());
  const active = items.find((view) => normal(view.query) === current);
  const show = (query: string): void =>
    router.push(`${pathname}${query === "" ? "" : `?${query}`}` as Parameters<typeof router.push>[0]);
  return (
    <>
      <DropdownMenu open={isOpen} onOpenChange={setOpen}>
        <DropdownMenuTrigger asChild>
          <Button variant="ghost" className="max-lg:px-2">
            <Bookmark aria-hidden />
            <span className="max-lg:sr-only">Views</span>
          </Button>
        </DropdownMenuTrigger>
        <DropdownMenuContent className="w-64">
          <DropdownMenuLabel>Saved views</DropdownMenuLabel>
          {views.isPending ? <p className="px-2 py-1 text-ink-3 text-sm">Loading</p> : null}
          {views.error ? <p className="px-2 py-1 text-bad text-sm">{describeError(views.error).message}</p> : null}
          {views.data !== undefined && items.length === 0 ? (
            <p className="px-2 py-1 text-ink-3 text-sm">None yet. Set filters, then save them under a name.</p>
          ) : null}
          {items.map((view) => (
            <DropdownMenuItem key={view.id} onSelect={() => show(view.query)}>
              <span className="min-w-0 flex-1 truncate">{view.name}</span>
              {view.isShared ? <Badge>{view.isOwn ? "Shared" : view.ownerName}</Badge> : null}
              {view === active ? <Check aria-label="Shown now" /> : null}
            </DropdownMenuItem>
          ))}
          <DropdownMenuSeparator />
          <DropdownMenuItem onSelect={() => setDialog("save")}>Save this view…</DropdownMenuItem>
          {items.some((view) => view.canDelete) ? (
            <DropdownMenuItem onSelect={() => setDialog("manage")}>Manage views…</DropdownMenuItem>
          ) : null}
        </DropdownMenuContent>
      </DropdownMenu>
      <Dialog open={dialog !== null} onOpenChange={(open) => (open ? undefined : setDialog(null))}>
        {dialog === "save" ? (
          <SaveView
            screen={screen}
            query={withColumns(plain, shown)}
            name={active?.isOwn === true ? active.name : ""}
            isShared={active?.isOwn === true && active.isShared}
            canShare={views.data?.canShare ?? false}
            onSaved={() => setDialog(null)}
          />
        ) : dialog === "manage" ? (
          <ManageViews screen={screen} />
        ) : null}
      </Dialog>
    </>
  );
}

function withColumns(query: string, shown: readonly string[]): string {
  const params = new URLSearchParams(query);
  params.set("cols", shown.join(","));
  return params.toString();
}

function SaveView({
  screen,
  query,
  name: nameAtFirst,
  isShared: isSharedAtFirst,
  canShare,
  onSaved,
}: {
  screen: string;
  query: string;
  name: string;
  isShared: boolean;
  canShare: boolean;
  onSaved: () => void;
}) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const [name, setName] = useState(nameAtFirst);
  const [isShared, setShared] = useState(isSharedAtFirst);
  const save = useMutation(
    trpc.views.save.mutationOptions({
      onSuccess: async () => {
        await client.invalidateQueries({ queryKey: trpc.views.list.queryKey({ screen }) });
        toast.success("The view is saved.");
        onSaved();
      },
    }),
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    // The page's own forms do not hear of it: the dialog stands inside them in React's tree.
    event.stopPropagation();
    if (name.trim() !== "") save.mutate({ screen, name: name.trim(), query, isShared });
  };
  return (
    <DialogContent title="Save this view" description="Search, filters, sort and columns as they are now.">
      <form className="grid gap-4" onSubmit={submit}>
        <Field label="Name" isRequired hint="A view of yours with the same name is replaced.">
          {(attributes) => (
            <Input
              {...attributes}
              value={name}
              maxLength={NAME_MAX}
              autoComplete="off"
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {canShare ? (
          <Field label="Share with colleagues" isRequired>
            {(attributes) => <Switch {...attributes} checked={isShared} onCheckedChange={setShared} />}
          </Field>
        ) : null}
        {save.error ? <Notice tone="bad" title={describeError(save.error).message} /> : null}
        <div className="flex justify-end gap-2">
          <DialogClose asChild>
            <Button type="button">Go back</Button>
          </DialogClose>
          <Button type="submit" variant="primary" isBusy={save.isPending} disabled={name.trim() === ""}>
            Save view
          </Button>
        </div>
      </form>
    </DialogContent>
  );
}

function ManageViews({ screen }: { screen: string }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const views = useQuery(trpc.views.list.queryOptions({ screen }));
  const again = () => client.invalidateQueries({ queryKey: trpc.views.list.queryKey({ screen }) });
  const remove = useMutation(trpc.views.delete.mutationOptions({ onSuccess: again }));
  const save = useMutation(trpc.views.save.mutationOptions({ onSuccess: again }));
  const failure = remove.error ?? save.error;
  const items = (views.data?.items ?? []).filter((view) => view.canDelete);
  return (
    <DialogContent title="Saved views" description="Yours, and those that are shared with you.">
      <div className="grid gap-3">
        {failure ? <Notice tone="bad" title={describeError(failure).message} /> : null}
        {items.length === 0 ? <p className="text-ink-3 text-sm">None.</p> : null}
        <ul className="grid gap-1">
          {items.map((view) => (
            <li key={view.id} className="flex items-center gap-3 rounded-md border border-line px-3 py-1.5">
              <span className="min-w-0 flex-1 truncate text-sm">{view.name}</span>
              {view.isOwn && views.data?.canShare === true ? (
                <label className="flex items-center gap-2 text-ink-2 text-xs">
                  Shared
                  <Switch
                    aria-label={`Share ${view.name}`}
                    checked={view.isShared}
                    disabled={save.isPending}
                    onCheckedChange={(isShared) =>
                      save.mutate({ screen, name: view.name, query: view.query, isShared })
                    }
                  />
                </label>
              ) : view.isShared ? (
                <span className="text-ink-3 text-xs">{view.isOwn ? "Shared" : `From ${view.ownerName}`}</span>
              ) : null}
              <Button
                variant="ghost"
                size="sm"
                aria-label={`Delete ${view.name}`}
                isBusy={remove.isPending && remove.variables.id === view.id}
                onClick={() => remove.mutate({ id: view.id })}
              >
                <Trash2 aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      </div>
    </DialogContent>
  );
}
