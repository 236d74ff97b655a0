import { el } from './dom.ts';

/** What is told beside the pointer, of what is under it. A reader without one is told the same elsewhere. */
export class Tip {
  readonly element = el('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });

  /** A finger hides what is beside it, so it is told nothing. */
  show(event: PointerEvent, ...told: readonly Node[]): void {
    this.element.hidden = event.pointerType === 'touch';
    this.element.replaceChildren(...told);
    const { width, height } = this.element.getBoundingClientRect();
    const isLow = event.clientY + 18 + height > innerHeight;
    this.element.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
    this.element.style.top = `${isLow ? event.clientY - height - 10 : event.clientY + 18}px`;
  }

  hide(): void {
    this.element.hidden = true;
  }
}
