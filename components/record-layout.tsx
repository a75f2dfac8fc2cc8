import type { ReactNode } from "react";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Page, PageHeader } from "./page-header";

export type RecordLayoutProps = {
  /** Name or amount. */
  title: ReactNode;
  /** The last word of the breadcrumb. */
  crumb: string;
  badge?: ReactNode;
  /** Ids that copy, in one quiet line under the title. */
  ids?: ReactNode;
  actions?: ReactNode;
  /** Sentences a person must read before anything else. */
  notice?: ReactNode;
  main: ReactNode;
  facts: ReactNode;
  after?: ReactNode;
};

/** One thing: head with state and actions, what happened on the left, facts on the right. */
export function RecordLayout({ title, crumb, badge, ids, actions, notice, main, facts, after }: RecordLayoutProps) {
  return (
    <Page>
      <CrumbLabel label={crumb} />
      <PageHeader
        title={title}
        aside={badge}
        actions={actions}
        {...(ids === undefined
          ? {}
          : { description: <div className="flex flex-wrap items-center gap-x-4 gap-y-0.5">{ids}</div> })}
      />
      {notice}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(320px,400px)]">
        <div className="grid min-w-0 gap-4 max-lg:order-2">{main}</div>
        <div className="grid min-w-0 gap-4">{facts}</div>
      </div>
      {after}
    </Page>
  );
}
