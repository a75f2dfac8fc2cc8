/** A gate made of two T's: the mark of the icon, in the colours of the theme. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg aria-hidden viewBox="0 0 32 32" className={className}>
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <path d="M8 10h16M16 10v13" fill="none" strokeWidth="3" strokeLinecap="round" className="stroke-accent-ink" />
      <path
        d="M8 16v5a2 2 0 0 0 2 2M24 16v5a2 2 0 0 1-2 2"
        fill="none"
        strokeOpacity=".7"
        strokeWidth="3"
        strokeLinecap="round"
        className="stroke-accent-ink"
      />
    </svg>
  );
}
