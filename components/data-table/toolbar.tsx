"use client";

import { Columns3, Download, Search, X } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useState } from "react";
import { cn } from "@/components/cn";
import { Button, buttonVariants } from "@/components/ui/button";
import {
  DropdownMenu,
  DropdownMenuCheckboxItem,
  DropdownMenuContent,
  DropdownMenuLabel,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { Input } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { FilterChip } from "./filter-chip";
import { filterQuery } from "./table-state";
import type { TableControl } from "./use-table-state";
import { ViewsMenu } from "./views-menu";

export type ToolbarColumn = { id: string; header: string; isVisible: boolean; toggle: (isVisible: boolean) => void };

export type ToolbarProps = {
  control: TableControl;
  columns: readonly ToolbarColumn[];
  searchPlaceholder: string;
  searchRef: RefObject<HTMLInputElement | null>;
  hasSearch: boolean;
  exportPath?: string | undefined;
  extra?: ReactNode;
  hasViews: boolean;
};

export function Toolbar({
  control,
  columns,
  searchPlaceholder,
  searchRef,
  hasSearch,
  exportPath,
  extra,
  hasViews,
}: ToolbarProps) {
  return (
    <div className="flex flex-wrap items-center gap-2">
      {hasSearch ? <SearchBox control={control} placeholder={searchPlaceholder} inputRef={searchRef} /> : null}
      {control.def.filters.length === 0 && !control.isFiltered ? null : (
        <div className="flex min-w-0 flex-wrap items-center gap-2 max-md:-mx-4 max-md:w-screen max-md:flex-nowrap max-md:overflow-x-auto max-md:px-4 max-md:[scrollbar-width:none]">
          {control.def.filters.map((filter) => (
            <FilterChip
              key={filter.id}
              filter={filter}
              value={control.state.filters[filter.id]}
              onChange={(value) => control.setFilter(filter.id, value)}
            />
          ))}
          {control.isFiltered ? (
            <Button variant="ghost" onClick={control.clear}>
              Clear
            </Button>
          ) : null}
        </div>
      )}
      <div className="ml-auto flex items-center gap-1">
        {extra}
        {hasViews ? (
          <ViewsMenu
            control={control}
            shown={columns.filter((column) => column.isVisible).map((column) => column.id)}
          />
        ) : null}
        {exportPath === undefined ? null : (
          <a
            href={withQuery(exportPath, filterQuery(control.state, control.def))}
            download
            className={cn(buttonVariants({ variant: "ghost" }), "max-lg:px-2", "max-md:hidden")}
          >
            <Download aria-hidden />
            <span className="max-lg:sr-only">Export</span>
          </a>
        )}
        <DropdownMenu>
          <DropdownMenuTrigger asChild>
            <Button variant="ghost" className="max-lg:px-2 max-md:hidden">
              <Columns3 aria-hidden />
              <span className="max-lg:sr-only">Columns</span>
            </Button>
          </DropdownMenuTrigger>
          <DropdownMenuContent>
            <DropdownMenuLabel>Shown columns</DropdownMenuLabel>
            {columns.map((column) => (
              <DropdownMenuCheckboxItem
                key={column.id}
                checked={column.isVisible}
                onCheckedChange={(isVisible) => column.toggle(isVisible === true)}
                onSelect={(event) => event.preventDefault()}
              >
                {column.header}
              </DropdownMenuCheckboxItem>
            ))}
          </DropdownMenuContent>
        </DropdownMenu>
      </div>
    </div>
  );
}

function withQuery(path: string, query: string): string {
  if (query === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

const SEARCH_DELAY_MS = 250;

function SearchBox({
  control,
  placeholder,
  inputRef,
}: {
  control: TableControl;
  placeholder: string;
  inputRef: RefObject<HTMLInputElement | null>;
}) {
  const { state, setSearch } = control;
  const [text, setText] = useState(state.search);
  const [shown, setShown] = useState(state.search);
  // A change from elsewhere (back button, clear) wins over what was typed.
  if (shown !== state.search) {
    setShown(state.search);
    setText(state.search);
  }
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === state.search) return;
    const timer = setTimeout(() => {
      setShown(wanted);
      setSearch(wanted);
    }, SEARCH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [text, state.search, setSearch]);
  return (
    <div className="relative w-48 max-md:w-full lg:w-64">
      <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3" />
      <Input
        ref={inputRef}
        type="search"
        aria-label="Search"
        placeholder={placeholder}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && text === "") event.currentTarget.blur();
          if (event.key === "Escape") setText("");
        }}
        className="pr-8 pl-8"
      />
      {text === "" ? (
        <Kbd className="pointer-events-none absolute top-[7px] right-2 max-md:hidden">/</Kbd>
      ) : (
        <button
          type="button"
          aria-label="Clear search"
          onClick={() => {
            setText("");
            inputRef.current?.focus();
          }}
          className="absolute top-1 right-1 grid size-6 place-items-center rounded-sm text-ink-3 hover:text-ink"
        >
          <X aria-hidden className="size-3.5" />
        </button>
      )}
    </div>
  );
}
