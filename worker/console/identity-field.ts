// Who you are: a file or text with certificate and key, an identity kept in this browser, or nobody.
import { type Credentials, describe, isLocked, noCredentials, withFile, withText } from './credentials.js'
import { el, fill, uniqueId } from './dom.js'
import { dropZone } from './drop.js'
import { enrolment } from './enrolment.js'
import { type IdentityInput, readIdentityFile } from './library.js'
import { problemOf } from './problem.js'
import {
  isKept,
  type KeptIdentity,
  keep,
  keptIdentities,
  keptIdentity,
  mayKeep,
  nameIsTaken,
} from './vault.js'

export interface IdentityField {
  readonly element: HTMLElement
  /** What the dialer is given. */
  value(): Promise<IdentityInput | undefined>
  give(text: string): void
}

type Source = 'file' | 'kept' | 'none'

export function identityField(onAuthorities: (pem: string) => void): IdentityField {
  let credentials: Credentials = noCredentials
  /** What was given last is being read. */
  let taking: Promise<void> = Promise.resolve()
  const group = uniqueId('identity')
  const about = el('p', { class: 'given', 'aria-live': 'polite' })
  const passphrase = el('input', { type: 'password', id: uniqueId('passphrase'), autocomplete: 'off' })
  const passphraseRow = el(
    'div',
    { class: 'row' },
    el('label', { for: passphrase.id }, 'Passphrase'),
    passphrase,
  )
  const paste = el('textarea', {
    id: uniqueId('pem'),
    rows: 3,
    spellcheck: 'false',
    placeholder: '-----BEGIN CERTIFICATE-----',
  })
  const area = el('div', { class: 'drop' })
  const kept = el('select', { id: uniqueId('kept') })
  const keepName = el('input', {
    type: 'text',
    id: uniqueId('keep'),
    placeholder: 'a name for it',
    autocomplete: 'off',
  })
  const keepBox = el(
    'details',
    { hidden: true },
    el('summary', {}, 'Keep it in this browser'),
    el('div', { class: 'row' }, el('label', { for: keepName.id }, 'Name'), keepName),
    el(
      'div',
      { class: 'buttons' },
      el('button', { type: 'button', class: 'quiet-button', on: { click: () => void keepFile() } }, 'Keep'),
    ),
  )
  const panes: Record<Source, HTMLElement> = {
    file: area,
    kept: el('div', { class: 'kept' }),
    none: el('p', { class: 'hint' }, 'A gateway that asks for a certificate will refuse you.'),
  }

  paste.addEventListener('input', () => {
    const text = paste.value
    void taken(() => withText(noCredentials, text, readIdentityFile))
  })
  area.append(
    el(
      'p',
      { class: 'drop-words' },
      'Drop PEM, PKCS#12 or a Teleport identity file, or ',
      dropZone(
        area,
        'choose files',
        (file) => {
          paste.value = ''
          return taken(() => withFile(credentials, file, readIdentityFile))
        },
        (why) => fill(about, why),
      ),
    ),
    about,
    passphraseRow,
    keepBox,
    el(
      'details',
      {},
      el('summary', {}, 'Paste PEM'),
      el('label', { for: paste.id, class: 'unseen' }, 'Certificate and private key, PEM'),
      paste,
    ),
  )

  const radios = (['file', 'kept', 'none'] as const).map((source) =>
    el('input', {
      type: 'radio',
      name: group,
      id: `${group}-${source}`,
      value: source,
      checked: source === 'file',
      on: { change: choose },
    }),
  )
  const labels: Record<Source, string> = { file: 'File', kept: 'Kept here', none: 'None' }
  const element = el(
    'fieldset',
    { class: 'identity' },
    el('legend', {}, 'Identity'),
    el(
      'div',
      { class: 'segments' },
      ...radios.flatMap((radio) => [radio, el('label', { for: radio.id }, labels[radio.value as Source])]),
    ),
    ...Object.values(panes),
  )

  const enrol = enrolment(refresh)
  let listed: readonly KeptIdentity[] = []
  const chosen = () => listed.find(({ id }) => id === kept.value)
  kept.addEventListener('change', () => enrol.show(chosen()))
  panes.kept.append(
    el('label', { for: kept.id, class: 'unseen' }, 'Identity kept in this browser'),
    kept,
    mayKeep() ? enrol.element : el('p', { class: 'hint' }, 'Keys are kept on secure origins only.'),
  )

  /** In the order in which they were given, since each adds to the ones before. */
  function taken(reading: () => Promise<Credentials>): Promise<void> {
    taking = taking.then(reading).then(take, async (error) => {
      take(noCredentials)
      const { code, what, hint } = await problemOf(error)
      fill(about, `${code}: ${what} ${hint}`)
    })
    return taking
  }

  function take(given: Credentials): void {
    credentials = given
    fill(about, describe(given))
    const ready = given.pkcs12 !== undefined || (given.certificates !== '' && given.privateKey !== '')
    about.classList.toggle('ready', ready)
    keepBox.hidden = !ready || !mayKeep()
    passphraseRow.hidden = !isLocked(given)
    if (given.authorities !== '') onAuthorities(given.authorities)
  }

  function source(): Source {
    return (radios.find(({ checked }) => checked)?.value ?? 'file') as Source
  }

  function choose(): void {
    for (const [name, pane] of Object.entries(panes)) pane.hidden = name !== source()
    if (source() === 'kept') void refresh()
  }

  async function refresh(select?: string): Promise<void> {
    const before = select ?? kept.value
    listed = await keptIdentities()
    fill(
      kept,
      ...(listed.length === 0
        ? [el('option', { value: '' }, 'None yet: make a key below')]
        : listed.map(option)),
    )
    if (listed.some(({ id }) => id === before)) kept.value = before
    enrol.show(chosen())
  }

  async function value(): Promise<IdentityInput | undefined> {
    if (source() === 'none') return undefined
    if (source() === 'kept') return keptIdentity(kept.value)
    await taking
    return fromFile()
  }

  function fromFile(): IdentityInput | undefined {
    const { pkcs12, certificates, privateKey } = credentials
    const secret = passphrase.value === '' ? {} : { passphrase: passphrase.value }
    if (pkcs12 !== undefined) return { pkcs12, ...secret }
    return certificates === '' && privateKey === ''
      ? undefined
      : { certificate: certificates, privateKey, ...secret }
  }

  async function keepFile(): Promise<void> {
    const input = fromFile()
    if (input === undefined) return
    const name = keepName.value.trim() || 'identity'
    try {
      if (await isKept(name)) return fill(about, nameIsTaken)
      await keep(name, input)
      fill(about, 'Kept here; its key cannot be taken out again')
    } catch (error) {
      const { code, hint } = await problemOf(error)
      fill(about, `${code}: ${hint}`)
    }
  }

  take(noCredentials)
  choose()
  return {
    element,
    value,
    give: (text) => void taken(() => withText(noCredentials, text, readIdentityFile)),
  }
}

function option({ id, label, request }: KeptIdentity): HTMLElement {
  return el('option', { value: id }, request === undefined ? label : `${label} (waiting for its certificate)`)
}
