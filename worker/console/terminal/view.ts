// A terminal for protocols of lines, and a hexadecimal view of the same bytes. xterm.js is loaded when it is first needed.
import { el, fill, uniqueId } from '../dom.js'
import type { Bytes } from '../sql/stream.js'
import type { Screen } from './screen.js'

export interface TerminalView {
  readonly element: HTMLElement
  open(bytes: Bytes, lost: (error: unknown) => void): Promise<void>
  close(): void
}

const endings = { crlf: '\r\n', lf: '\n', none: '' } as const

export function terminalView(): TerminalView {
  let writer: WritableStreamDefaultWriter<Uint8Array> | undefined
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  let screen: Screen | undefined
  const place = el('div', { class: 'screen' })
  const about = el('p', { class: 'hint' }, 'Connect with a protocol that is no database to talk to it here.')
  const ending = el(
    'select',
    { id: uniqueId('ending') },
    el('option', { value: 'crlf' }, 'CR LF'),
    el('option', { value: 'lf' }, 'LF'),
    el('option', { value: 'none' }, 'each key as it is'),
  )
  const hex = el('input', {
    type: 'checkbox',
    id: uniqueId('hex'),
    on: { change: () => screen?.setHex(hex.checked) },
  })
  const element = el(
    'div',
    { class: 'terminal' },
    el(
      'div',
      { class: 'bar' },
      el('label', { for: ending.id }, 'Enter sends'),
      ending,
      hex,
      el('label', { for: hex.id }, 'Hexadecimal'),
      el('button', { type: 'button', class: 'quiet-button', on: { click: () => screen?.clear() } }, 'Clear'),
    ),
    about,
    place,
  )

  async function open(bytes: Bytes, lost: (error: unknown) => void): Promise<void> {
    const { createScreen } = await import('./screen.js')
    screen ??= createScreen(place)
    screen.clear()
    screen.onLine((line) => {
      const text = ending.value as keyof typeof endings
      void writer?.write(new TextEncoder().encode(line + endings[text])).catch(lost)
    })
    screen.setRaw(() => ending.value === 'none')
    writer = bytes.writable.getWriter()
    reader = bytes.readable.getReader()
    writer.closed.catch(() => {})
    void pump(reader, screen).catch(lost)
    screen.focus()
    // Not before: what is typed while the terminal is being loaded would be lost.
    fill(about, 'Type a line; Enter sends it.')
  }

  async function pump(from: ReadableStreamDefaultReader<Uint8Array>, to: Screen): Promise<void> {
    for (;;) {
      const { value, done } = await from.read()
      if (done) break
      await to.received(value)
    }
    if (from === reader) fill(about, 'The service ended its side.')
  }

  return {
    element,
    open,
    close() {
      writer?.close().catch(() => {})
      writer = undefined
      reader?.cancel().catch(() => {})
      reader = undefined
      fill(about, 'Not connected.')
    },
  }
}
