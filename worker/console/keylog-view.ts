// The TLS secrets of this connection, in the form that Wireshark reads. They are kept in memory only, and leave it when
// someone has read what that means and pressed the second button.
import { copyText } from './clipboard.js'
import { el } from './dom.js'

export interface KeylogView {
  readonly element: HTMLElement
  add(line: string): void
  clear(): void
}

export function keylogView(say: (words: string) => void): KeylogView {
  let lines: string[] = []
  const open = el(
    'button',
    { type: 'button', class: 'quiet-button', disabled: true, on: { click: () => dialog.showModal() } },
    'Key log …',
  )
  const copy = el(
    'button',
    {
      type: 'button',
      class: 'danger',
      on: {
        click: () => {
          void copyText(`${lines.join('\n')}\n`).then((done) => {
            dialog.close()
            say(
              done
                ? `${lines.length} secrets copied to the clipboard`
                : 'The browser does not let this page copy',
            )
          })
        },
      },
    },
    'Copy the secrets',
  )
  const dialog = el(
    'dialog',
    { 'aria-labelledby': 'keylog-title' },
    el('h3', { id: 'keylog-title' }, 'Copy the TLS secrets of this connection?'),
    el(
      'p',
      {},
      'Whoever has these lines and a recording of the traffic can read everything that this connection carries, passwords and results included. Wireshark takes them as “(Pre)-Master-Secret log”.',
    ),
    el(
      'div',
      { class: 'buttons' },
      copy,
      el('button', { type: 'button', on: { click: () => dialog.close() } }, 'Keep them here'),
    ),
  )
  return {
    element: el('div', { class: 'keylog' }, open, dialog),
    add(line) {
      lines.push(line)
      open.disabled = false
    },
    clear() {
      lines = []
      open.disabled = true
    },
  }
}
