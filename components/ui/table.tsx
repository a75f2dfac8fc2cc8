import type { ComponentProps } from "react";
import { cn } from "@/components/cn";

/** A plain table for a few rows on a record. Lists use the data table. */
export function Table({ className, ...props }: ComponentProps<"table">) {
  return (
    <div className="w-full overflow-x-auto">
      <table className={cn("w-full border-collapse text-sm", className)} {...props} />
    </div>
  );
}

export function TableHead({ className, ...props }: ComponentProps<"thead">) {
  return <thead className={cn("border-line border-b text-left text-ink-3 text-xs", className)} {...props} />;
}

export function TableBody(props: ComponentProps<"tbody">) {
  return <tbody {...props} />;
}

export function TableRow({ className, ...props }: ComponentProps<"tr">) {
  return <tr className={cn("border-line border-b last:border-b-0", className)} {...props} />;
}

export function TableHeader({
  className,
  isNumeric = false,
  ...props
}: ComponentProps<"th"> & { isNumeric?: boolean }) {
  return (
    <th
      scope="col"
      className={cn("h-8 whitespace-nowrap px-4 font-medium", isNumeric && "text-right", className)}
      {...props}
    />
  );
}

export function TableCell({ className, isNumeric = false, ...props }: ComponentProps<"td"> & { isNumeric?: boolean }) {
  return (
    <td
      className={cn("h-9 px-4 py-1", isNumeric && "whitespace-nowrap text-right tabular-nums", className)}
      {...props}
    />
  );
}
