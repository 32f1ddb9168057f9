// What went wrong, for whoever has to mend it: code, whose turn it is, what happened, what to try.
import { el, fill } from './dom.js'
import type { Problem } from './problem.js'

export function problemView(place: HTMLElement): (problem: Problem | undefined) => void {
  place.setAttribute('role', 'alert')
  return (problem) => {
    if (problem === undefined) return fill(place)
    fill(
      place,
      el(
        'section',
        { class: 'problem', 'aria-label': 'What went wrong' },
        el('p', { class: 'code' }, problem.code),
        el('p', { class: 'what' }, problem.what),
        el('p', { class: 'hint-text' }, problem.hint),
        el(
          'p',
          { class: 'blame' },
          'To be mended by: ',
          el('strong', {}, problem.blame),
          problem.detail !== undefined && problem.detail !== '' ? ` · ${problem.detail}` : '',
        ),
      ),
    )
  }
}
