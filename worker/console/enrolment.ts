// A key of one's own: made here, requested from an authority, and completed with what the authority signed. The key is never
// shown, and cannot be.
import { copyText } from './clipboard.js'
import { el, fill, uniqueId } from './dom.js'
import { dropZone } from './drop.js'
import { problemOf } from './problem.js'
import { complete, forget, isKept, type KeptIdentity, makeKey, nameIsTaken } from './vault.js'

export interface Enrolment {
  readonly element: HTMLElement
  /** What the list has chosen. */
  show(chosen: KeptIdentity | undefined): void
}

export function enrolment(changed: (select?: string) => Promise<void>): Enrolment {
  let chosen: KeptIdentity | undefined
  const name = el('input', {
    type: 'text',
    id: uniqueId('name'),
    placeholder: 'alice',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  const make = el(
    'button',
    {
      type: 'button',
      class: 'quiet-button',
      on: {
        click: () =>
          void attempt(async () => {
            if (name.value.trim() === '') return name.focus()
            if (await isKept(name.value.trim())) return fill(about, nameIsTaken)
            await makeKey(name.value.trim())
            await changed(name.value.trim())
            name.value = ''
          }),
      },
    },
    'Make a key',
  )
  const about = el('p', { class: 'hint', 'aria-live': 'polite' })
  const waiting = el('div', { class: 'drop waiting' })
  const remove = el(
    'button',
    {
      type: 'button',
      class: 'quiet-button',
      on: {
        click: () =>
          void attempt(async () => {
            if (chosen !== undefined) await forget(chosen.id)
            await changed()
          }),
      },
    },
    'Forget it',
  )
  waiting.append(
    el(
      'p',
      { class: 'drop-words' },
      'It waits for its certificate. Give the request to your authority, and drop what it signs here, or ',
      dropZone(
        waiting,
        'choose it',
        ({ text }) =>
          void attempt(async () => {
            if (chosen !== undefined) await complete(chosen.id, text ?? '')
            await changed(chosen?.id)
          }),
        (why) => fill(about, why),
      ),
      '.',
    ),
    el(
      'div',
      { class: 'buttons' },
      el(
        'button',
        {
          type: 'button',
          class: 'quiet-button',
          on: {
            click: () =>
              void copyText(chosen?.request ?? '').then((done) =>
                fill(about, done ? 'Request copied' : 'It could not be copied'),
              ),
          },
        },
        'Copy request',
      ),
      el(
        'button',
        {
          type: 'button',
          class: 'quiet-button',
          on: { click: () => save(`${chosen?.id ?? 'request'}.csr`, chosen?.request ?? '') },
        },
        'Save .csr',
      ),
    ),
  )
  const element = el(
    'div',
    { class: 'enrolment' },
    waiting,
    remove,
    el(
      'details',
      {},
      el('summary', {}, 'Make a key that never leaves this browser'),
      el('div', { class: 'row' }, el('label', { for: name.id }, 'Name'), name),
      el('div', { class: 'buttons' }, make),
    ),
    about,
  )

  async function attempt(task: () => Promise<unknown>): Promise<void> {
    fill(about)
    try {
      await task()
    } catch (error) {
      const { code, what, hint } = await problemOf(error)
      fill(about, `${code}: ${what} ${hint}`)
    }
  }

  return {
    element,
    show(given) {
      chosen = given
      waiting.hidden = given?.request === undefined
      remove.hidden = given === undefined
    },
  }
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/pkcs10' }))
  el('a', { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
