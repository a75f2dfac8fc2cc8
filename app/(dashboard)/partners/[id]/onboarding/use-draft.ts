"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { describeError } from "@/components/error-state";
import { useTRPC } from "@/components/trpc-provider";
import { type DraftRecord, DraftSectionSchema } from "@/server/domain/partners/schema-onboarding";
import {
  type DraftForm,
  draftForm,
  FORM_SECTIONS,
  type FormSection,
  issueWords,
  sectionInput,
} from "../../_forms/values";
import { pathOf } from "./steps";

/** How long nobody types before what was typed is saved. */
const PAUSE_MS = 800;

export type SaveState =
  | { kind: "saved" }
  | { kind: "waiting" }
  | { kind: "saving" }
  | { kind: "conflict" }
  | { kind: "failed"; message: string };

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("data" in error)) return "";
  const { data } = error;
  return typeof data === "object" && data !== null && "code" in data && typeof data.code === "string" ? data.code : "";
}

/** What is wrong with the fields of a section, by path. */
function issuesOf(form: DraftForm, section: FormSection): Map<string, string> {
  const parsed = DraftSectionSchema.safeParse(sectionInput(form, section));
  if (parsed.success) return new Map();
  return new Map(
    parsed.error.issues.map((issue) => [[section, ...issue.path.slice(1).map(String)].join("."), issueWords(issue)]),
  );
}

/**
 * The fields of a draft, saved as they are typed: one section at a time, each against the version that was last seen, so that
 * two people never overwrite each other without noticing.
 */
export function useDraft(draft: DraftRecord) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const { mutateAsync } = useMutation(trpc.partners.draft.save.mutationOptions());
  const key = trpc.partners.draft.get.queryKey({ partner: draft.partnerId });

  const [form, setForm] = useState(() => draftForm(draft));
  const [save, setSave] = useState<SaveState>({ kind: "saved" });
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState<ReadonlySet<FormSection>>(new Set());
  const latest = useRef(form);
  const version = useRef(draft.version);
  const dirty = useRef(new Set<FormSection>());
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const running = useRef<Promise<void> | null>(null);

  const put = useCallback((next: DraftForm) => {
    latest.current = next;
    setForm(next);
  }, []);

  const run = useCallback(async () => {
    for (;;) {
      const section = FORM_SECTIONS.find((one) => dirty.current.has(one) && issuesOf(latest.current, one).size === 0);
      if (section === undefined) break;
      const sent = latest.current[section];
      setSave({ kind: "saving" });
      try {
        const fresh = await mutateAsync({
          partner: draft.partnerId,
          version: version.current,
          section: sectionInput(latest.current, section),
        });
        version.current = fresh.version;
        queryClient.setQueryData(key, fresh);
        if (latest.current[section] === sent) dirty.current.delete(section);
      } catch (error) {
        if (codeOf(error) === "state_conflict") setSave({ kind: "conflict" });
        else setSave({ kind: "failed", message: describeError(error).message });
        return;
      }
    }
    setSave({ kind: dirty.current.size === 0 ? "saved" : "waiting" });
  }, [draft.partnerId, key, mutateAsync, queryClient]);

  /** Saves what can be saved now; resolves when nothing is on its way any more. */
  const flush = useCallback(async () => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
    running.current ??= run().finally(() => {
      running.current = null;
    });
    await running.current;
  }, [run]);

  const change = useCallback(
    <S extends FormSection>(section: S, value: DraftForm[S]) => {
      put({ ...latest.current, [section]: value });
      dirty.current.add(section);
      setSave((known) => (known.kind === "conflict" ? known : { kind: "waiting" }));
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = setTimeout(() => void flush(), PAUSE_MS);
    },
    [flush, put],
  );

  /** Takes what the server has for every section that is saved here. */
  const adopt = useCallback(
    (fresh: DraftRecord) => {
      const theirs = draftForm(fresh);
      const next = { ...latest.current };
      for (const section of FORM_SECTIONS)
        if (!dirty.current.has(section)) Object.assign(next, { [section]: theirs[section] });
      version.current = fresh.version;
      put(next);
    },
    [put],
  );

  // Somebody else, or an import, has changed the draft while nothing was typed here.
  useEffect(() => {
    if (draft.version > version.current && dirty.current.size === 0 && running.current === null) adopt(draft);
  }, [draft, adopt]);

  const read = useCallback(async () => {
    await queryClient.invalidateQueries({ queryKey: key });
    return queryClient.getQueryData<DraftRecord>(key);
  }, [key, queryClient]);

  const takeTheirs = useCallback(async () => {
    dirty.current.clear();
    const fresh = await read();
    if (fresh) adopt(fresh);
    setSave({ kind: "saved" });
  }, [adopt, read]);

  const keepMine = useCallback(async () => {
    const fresh = await read();
    if (fresh) adopt(fresh);
    setSave({ kind: "waiting" });
    await flush();
  }, [adopt, flush, read]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (dirty.current.size > 0) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, []);

  const issues = useMemo(() => {
    const all = new Map<FormSection, Map<string, string>>();
    for (const section of FORM_SECTIONS) all.set(section, issuesOf(form, section));
    return all;
  }, [form]);

  const told = useMemo(
    () => new Map(draft.problems.map((problem) => [pathOf(form, problem), problem.detail])),
    [draft.problems, form],
  );

  const errorOf = useCallback(
    (path: string): string | undefined => {
      const section = FORM_SECTIONS.find((one) => path.startsWith(`${one}.`));
      if (section === undefined) return undefined;
      const own = issues.get(section)?.get(path);
      if (own !== undefined && (touched.has(path) || shown.has(section))) return own;
      const theirs = told.get(path);
      return theirs === undefined ? undefined : `Klarna: ${theirs}`;
    },
    [issues, shown, told, touched],
  );

  return {
    form,
    save,
    version,
    change,
    flush,
    adopt,
    takeTheirs,
    keepMine,
    read,
    errorOf,
    onLeave: useCallback((path: string) => setTouched((known) => new Set(known).add(path)), []),
    /** Shows all that is wrong in a section; answers the first path, or null. */
    showIssues: useCallback(
      (section: FormSection): string | null => {
        setShown((known) => new Set(known).add(section));
        return issues.get(section)?.keys().next().value ?? null;
      },
      [issues],
    ),
    issueCount: (section: FormSection) => issues.get(section)?.size ?? 0,
  };
}

export type DraftControl = ReturnType<typeof useDraft>;
