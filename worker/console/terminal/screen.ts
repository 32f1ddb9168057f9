// xterm.js as the console uses it: a line is edited here and sent whole, or key by key; what comes in is shown as text or as
// hexadecimal. Its fonts and colours are the page's.
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import { withoutSequences } from './escape-sequences.js'
import { hexLines } from './hex-lines.js'
import { withoutStyleElements } from './style-elements.js'

export interface Screen {
  /** Resolves when it is drawn: the stream waits. */
  received(bytes: Uint8Array): Promise<void>
  onLine(send: (line: string) => void): void
  setRaw(raw: () => boolean): void
  setHex(on: boolean): void
  clear(): void
  focus(): void
}

export function createScreen(place: HTMLElement): Screen {
  const styled = stylesheet('/terminal.css')
  const terminal = new Terminal({
    convertEol: true,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    fontFamily: 'ui-monospace, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace',
    fontSize: 14,
    screenReaderMode: true,
    scrollback: 5000,
    theme: {
      background: '#0e181c',
      foreground: '#e6ece9',
      cursor: '#5fd3c4',
      selectionBackground: '#2b5a5a',
    },
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)
  withoutStyleElements(() => terminal.open(place))
  const refit = () => {
    if (place.clientWidth > 0) fit.fit()
  }
  new ResizeObserver(refit).observe(place)
  void styled.then(refit)
  let send: (line: string) => void = () => {}
  let raw = (): boolean => false
  let hex = false
  let line = ''
  let offset = 0

  terminal.onData((data) => {
    if (raw()) return send(data)
    for (const key of withoutSequences(data)) typed(key)
  })

  function typed(key: string): void {
    if (key === '\r' || key === '\n') {
      terminal.write('\r\n')
      send(line)
      line = ''
    } else if (key === '\u007f' || key === '\b') {
      if (line === '') return
      line = [...line].slice(0, -1).join('')
      terminal.write('\b \b')
    } else if (key === '\u0015') {
      terminal.write('\b \b'.repeat([...line].length))
      line = ''
    } else if (key >= ' ') {
      line += key
      terminal.write(key)
    }
  }

  const write = (data: string | Uint8Array) => new Promise<void>((resolve) => terminal.write(data, resolve))

  return {
    async received(bytes) {
      if (!hex) return write(bytes)
      await write(hexLines(bytes, offset))
      offset += bytes.length
    },
    onLine(given) {
      send = given
    },
    setRaw(given) {
      raw = given
    },
    setHex(on) {
      hex = on
      offset = 0
    },
    clear() {
      line = ''
      offset = 0
      terminal.reset()
    },
    focus() {
      terminal.focus()
    },
  }
}

/** Resolves when its rules hold. */
function stylesheet(href: string): Promise<void> {
  if (document.querySelector(`link[href="${href}"]`) !== null) return Promise.resolve()
  const link = document.createElement('link')
  link.rel = 'stylesheet'
  link.href = href
  return new Promise((resolve) => {
    link.addEventListener('load', () => resolve())
    link.addEventListener('error', () => resolve())
    document.head.append(link)
  })
}
