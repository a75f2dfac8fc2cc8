import { cva, type VariantProps } from "class-variance-authority";
import { LoaderCircle } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { Slot } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/components/cn";

export const buttonVariants = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md border font-medium text-sm transition-colors select-none disabled:cursor-not-allowed disabled:opacity-50 aria-disabled:cursor-not-allowed aria-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        primary: "border-transparent bg-accent text-accent-ink enabled:hover:bg-accent-hover",
        secondary: "border-line-strong bg-raised text-ink hover:bg-hover",
        ghost: "border-transparent bg-transparent text-ink-2 hover:bg-hover hover:text-ink",
        danger: "border-transparent bg-bad text-bad-ink enabled:hover:bg-bad-hover",
        "danger-quiet": "border-line-strong bg-raised text-bad hover:bg-bad-soft",
        link: "h-auto border-transparent bg-transparent p-0 text-accent underline-offset-2 hover:underline",
      },
      size: {
        md: "h-8 px-3",
        sm: "h-7 px-2 text-xs [&_svg]:size-3.5",
        lg: "h-10 px-4",
        icon: "size-8",
        "icon-sm": "size-7 [&_svg]:size-3.5",
        none: "",
      },
    },
    compoundVariants: [{ variant: "link", class: "h-auto px-0" }],
    defaultVariants: { variant: "secondary", size: "md" },
  },
);

type ButtonStyle = VariantProps<typeof buttonVariants>;

export type ButtonProps = ComponentProps<"button"> &
  ButtonStyle & {
    asChild?: boolean;
    /** Disables the button, shows that it works and keeps its width. */
    isBusy?: boolean;
  };

export function Button({
  className,
  variant,
  size,
  asChild = false,
  isBusy = false,
  disabled,
  type,
  children,
  ...props
}: ButtonProps) {
  const styles = cn(buttonVariants({ variant, size }), className);
  if (asChild) {
    return (
      <Slot.Root className={styles} {...props}>
        {children}
      </Slot.Root>
    );
  }
  return (
    <button
      type={type ?? "button"}
      className={styles}
      disabled={disabled === true || isBusy}
      aria-busy={isBusy || undefined}
      {...props}
    >
      {isBusy ? <LoaderCircle aria-hidden className="animate-spin" /> : null}
      {children}
    </button>
  );
}

export type ButtonLinkProps = ButtonStyle & {
  href: string;
  className?: string;
  children: ReactNode;
  external?: boolean;
  "aria-label"?: string;
};

/** A link that looks like a button: it goes somewhere and does nothing else. */
export function ButtonLink({ href, variant, size, className, children, external = false, ...props }: ButtonLinkProps) {
  const styles = cn(buttonVariants({ variant, size }), className);
  if (external) {
    return (
      <a href={href} target="_blank" rel="noreferrer" className={styles} {...props}>
        {children}
      </a>
    );
  }
  return (
    <Link href={href as Route} className={styles} {...props}>
      {children}
    </Link>
  );
}
