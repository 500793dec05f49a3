/** The few line drawings of the interface; always beside a text, so hidden from screen readers. */
import type { FC, PropsWithChildren } from "hono/jsx";

const Drawing: FC<PropsWithChildren<{ size?: number }>> = ({ size = 16, children }) => (
  <svg
    class="drawing"
    width={size}
    height={size}
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.5"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {children}
  </svg>
);

export const PlusDrawing: FC = () => (
  <Drawing>
    <path d="M8 3.25v9.5M3.25 8h9.5" />
  </Drawing>
);

export const SearchDrawing: FC = () => (
  <Drawing>
    <circle cx="7" cy="7" r="4.25" />
    <path d="m10.25 10.25 3 3" />
  </Drawing>
);

export const TickDrawing: FC = () => (
  <Drawing size={14}>
    <path d="m3.5 8.5 3 3 6-6.75" />
  </Drawing>
);

export const PencilDrawing: FC = () => (
  <Drawing>
    <path d="M9.75 3.75 12.25 6.25M3 13l.6-2.9 7-7a1.2 1.2 0 0 1 1.7 0l.6.6a1.2 1.2 0 0 1 0 1.7l-7 7Z" />
  </Drawing>
);

export const BinDrawing: FC = () => (
  <Drawing>
    <path d="M2.75 4.5h10.5M6 4.25V3a.75.75 0 0 1 .75-.75h2.5A.75.75 0 0 1 10 3v1.25M4 4.75l.6 7.6a1.25 1.25 0 0 0 1.25 1.15h4.3a1.25 1.25 0 0 0 1.25-1.15l.6-7.6" />
  </Drawing>
);

/** A large, quiet drawing for an empty list; with a tick where empty is good news. */
export const HorizonDrawing: FC<{ readonly ticked: boolean }> = ({ ticked }) => (
  <svg class="drawing" width="96" height="72" viewBox="0 0 96 72" fill="none" stroke-linecap="round" aria-hidden="true">
    <path class="soft" d="M8 60c10-14 24-21 40-21s30 7 40 21" stroke-width="2.5" />
    <circle class="strong" cx="48" cy="24" r="13" stroke-width="2.5" />
    {ticked && <path class="strong" d="m42.5 24.5 4 4 7.5-8.5" stroke-width="2.5" stroke-linejoin="round" />}
    <path class="soft" d="M2 66h92" stroke-width="2.5" />
  </svg>
);
