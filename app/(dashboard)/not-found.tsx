import { EmptyState } from "@/components/empty-state";
import { ButtonLink } from "@/components/ui/button";

export default function DashboardNotFound() {
  return (
    <div className="py-16">
      <EmptyState
        title="Nothing here"
        description="It does not exist in this mode, it belongs to a Partner you cannot see, or your role may not open it. Test and live are separate: the switch at the top changes between them."
        action={<ButtonLink href="/">Go to the overview</ButtonLink>}
      />
    </div>
  );
}
