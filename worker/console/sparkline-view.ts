// The meters at the foot of the page: throughput each way and the time that answers take, as numbers and as small lines.
import { el, fill, svg } from './dom.js'
import { bytesText, type Meter } from './meter.js'
import { sparkline } from './sparkline.js'

export interface MetersView {
  /** Follows a connection's meter until `stop`. */
  follow(meter: Meter): void
  stop(): void
}

const period = 500
const slots = 60
const size = { width: 150, height: 30 }

export function metersView(place: HTMLElement): MetersView {
  const cells = [cell('Down', 'down'), cell('Up', 'up'), cell('Round trip', 'trip')]
  fill(place, ...cells.map(({ element }) => element))
  let timer: ReturnType<typeof setInterval> | undefined

  function draw(meter: Meter): void {
    const { samples, roundTrips, total } = meter
    cells[0]!.show(
      samples.map(({ down }) => down),
      `${bytesText(samples.at(-1)?.down ?? 0)}/s`,
      `${bytesText(total.down)} in all`,
    )
    cells[1]!.show(
      samples.map(({ up }) => up),
      `${bytesText(samples.at(-1)?.up ?? 0)}/s`,
      `${bytesText(total.up)} in all`,
    )
    const last = roundTrips.at(-1)
    cells[2]!.show(
      roundTrips,
      last === undefined ? '–' : `${last.toFixed(1)} ms`,
      'asked to first byte answered',
    )
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
    place.classList.remove('live')
  }

  return {
    follow(meter) {
      stop()
      place.classList.add('live')
      draw(meter)
      timer = setInterval(() => {
        meter.sample()
        draw(meter)
      }, period)
    },
    stop,
  }
}

function cell(
  label: string,
  kind: string,
): { element: HTMLElement; show(values: readonly number[], now: string, about: string): void } {
  const value = el('span', { class: 'meter-value' }, '–')
  const about = el('span', { class: 'meter-about' }, '')
  const line = svg('path', { class: 'spark-line' })
  const area = svg('path', { class: 'spark-area' })
  const chart = svg(
    'svg',
    {
      viewBox: `0 0 ${size.width} ${size.height}`,
      class: 'spark',
      'aria-hidden': 'true',
      preserveAspectRatio: 'none',
    },
    area,
    line,
  )
  return {
    element: el(
      'div',
      { class: `meter ${kind}` },
      el('span', { class: 'meter-label' }, label),
      value,
      chart,
      about,
    ),
    show(values, now, words) {
      const drawn = sparkline(values, slots, size)
      line.setAttribute('d', drawn.line)
      area.setAttribute('d', drawn.area)
      fill(value, now)
      fill(about, words)
    },
  }
}
