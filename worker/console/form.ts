// The connect form: which way, to whom, whom to trust, who you are. It knows nothing of connections.
import { el, fill, uniqueId } from './dom.js'
import { dropZone } from './drop.js'
import { identityField } from './identity-field.js'
import { presets, serviceOf } from './presets.js'
import type { Destination } from './tunnel.js'

export interface Login {
  readonly user: string
  readonly database: string
  readonly password: string
}

export interface Filled {
  readonly destination: Destination
  readonly login: Login
}

/** What may be filled in from outside (development). */
export type Prefill = Partial<Omit<Destination, 'identity'>> & { readonly identity?: string } & Partial<Login>

export interface ConnectForm {
  readonly element: HTMLFormElement
  read(): Promise<Filled>
  prefill(given: Prefill): void
  /** While a connection is there the fields rest and the button ends it. */
  set(phase: 'idle' | 'busy' | 'open'): void
  readonly way: Destination['way']
}

const other = 'other'

export function connectForm(by: {
  readonly connect: () => void
  readonly disconnect: () => void
  readonly changed: () => void
  readonly server: 'worker' | 'gateway'
}): ConnectForm {
  const text = (type: string, value = '', more = {}) =>
    el('input', {
      type,
      id: uniqueId('field'),
      value,
      autocomplete: 'off',
      spellcheck: 'false',
      autocapitalize: 'off',
      ...more,
    })
  const target = text('text', '', { placeholder: 'postgres' })
  const token = text('password')
  const origin = text('url', by.server === 'gateway' ? location.origin : '', {
    placeholder: 'https://proxy.example.com',
  })
  const serverName = text('text', '', { placeholder: 'gateway.internal' })
  const preset = el(
    'select',
    { id: uniqueId('field') },
    ...presets.map(({ label, alpn }) => el('option', { value: alpn }, label)),
    el('option', { value: other }, 'Another …'),
  )
  const alpn = text('text', presets[0]!.alpn)
  const trust = el('textarea', {
    id: uniqueId('field'),
    rows: 3,
    spellcheck: 'false',
    placeholder: '-----BEGIN CERTIFICATE-----',
  })
  const user = text('text', 'postgres')
  const database = text('text', 'postgres')
  const password = text('password')
  const trustArea = el('div', { class: 'drop' })
  const trustAbout = el('p', { class: 'given', 'aria-live': 'polite' })
  const identity = identityField((authorities) => setTrust(authorities))
  const group = uniqueId('way')
  const ways = (['worker', 'straight'] as const).map((way) =>
    el('input', {
      type: 'radio',
      name: group,
      id: `${group}-${way}`,
      value: way,
      checked: (way === 'worker') === (by.server === 'worker'),
      on: { change: arrange },
    }),
  )
  const button = el('button', { type: 'submit', class: 'primary' }, 'Connect')
  const fields = el('div', { class: 'fields-of-form' })
  const summary = el('dl', { class: 'summary' })
  const relayRows = [
    row('Target', target, 'as the Worker names it'),
    row('Token', token, 'for the Worker; none behind Access'),
  ]
  const straightRows = [row('Origin', origin, 'the load balancer')]
  const loginRow = el(
    'fieldset',
    { class: 'login' },
    el('legend', {}, 'Database'),
    row('User', user),
    row('Database', database),
    row('Password', password, 'if it asks for one'),
  )
  const alpnRow = row('ALPN', alpn)

  trustArea.append(
    el('label', { for: trust.id, class: 'unseen' }, 'Certificates of who signs the gateway, PEM'),
    el(
      'p',
      { class: 'drop-words' },
      'Drop the PEM of who signs the gateway, ',
      dropZone(
        trustArea,
        'choose it',
        ({ text }) => setTrust(text ?? ''),
        () => {},
      ),
      ', or paste it:',
    ),
    trust,
    trustAbout,
  )
  fields.append(
    el(
      'fieldset',
      {},
      el('legend', {}, 'Way'),
      el(
        'div',
        { class: 'segments' },
        ways[0]!,
        el('label', { for: ways[0]!.id }, 'Via the Worker'),
        ways[1]!,
        el('label', { for: ways[1]!.id }, 'Straight'),
      ),
      ...relayRows,
      ...straightRows,
    ),
    el(
      'fieldset',
      {},
      el('legend', {}, 'Inside the tunnel'),
      row('Server name', serverName, 'verified against its certificate'),
      row('Protocol', preset),
      alpnRow,
    ),
    el('fieldset', {}, el('legend', {}, 'Trust'), trustArea),
    identity.element,
    loginRow,
  )
  const element = el(
    'form',
    {
      class: 'connect-form',
      novalidate: true,
      on: {
        submit: (event: Event) => {
          event.preventDefault()
          if (button.dataset.does === 'end') by.disconnect()
          else by.connect()
        },
      },
    },
    el('div', { class: 'go' }, button),
    summary,
    fields,
  )

  /** What the connection was made with, while the fields are away. */
  function summarise(): void {
    const rows = [
      ['Way', way() === 'worker' ? `the Worker’s target ${target.value}` : origin.value],
      ['Server', serverName.value],
      ['Protocol', alpn.value],
      ...(serviceOf(alpn.value) === 'postgres' ? [['Database', `${database.value} as ${user.value}`]] : []),
    ]
    fill(summary, ...rows.flatMap(([term, text]) => [el('dt', {}, term), el('dd', {}, text)]))
  }

  preset.addEventListener('change', () => {
    if (preset.value !== other) alpn.value = preset.value
    arrange()
    if (preset.value === other) alpn.focus()
  })
  alpn.addEventListener('input', arrange)
  trust.addEventListener('input', () => setTrust(trust.value))

  function setTrust(pem: string): void {
    if (trust.value !== pem) trust.value = pem
    const count = pem.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0
    trustAbout.textContent = count === 0 ? 'Nothing yet' : `${count} certificate${count === 1 ? '' : 's'}`
    trustAbout.classList.toggle('ready', count > 0)
  }

  function way(): Destination['way'] {
    return ways[0]!.checked ? 'worker' : 'straight'
  }

  function arrange(): void {
    for (const each of relayRows) each.hidden = way() !== 'worker'
    for (const each of straightRows) each.hidden = way() !== 'straight'
    alpnRow.hidden = preset.value !== other
    loginRow.hidden = serviceOf(alpn.value) !== 'postgres'
    by.changed()
  }

  async function read(): Promise<Filled> {
    const destination: Destination = {
      way: way(),
      origin: origin.value.trim(),
      target: target.value.trim(),
      token: token.value.trim(),
      serverName: serverName.value.trim(),
      alpn: alpn.value.trim(),
      trust: trust.value,
      identity: await identity.value(),
    }
    return { destination, login: { user: user.value, database: database.value, password: password.value } }
  }

  function prefill(given: Prefill): void {
    const known = { target, token, origin, serverName, user, database, password }
    for (const [name, input] of Object.entries(known)) {
      const value = given[name as keyof typeof known]
      if (typeof value === 'string') input.value = value
    }
    if (given.way !== undefined) for (const each of ways) each.checked = each.value === given.way
    if (given.trust !== undefined) setTrust(given.trust)
    if (given.identity !== undefined) identity.give(given.identity)
    if (given.alpn !== undefined) {
      alpn.value = given.alpn
      preset.value = presets.some((each) => each.alpn === given.alpn) ? given.alpn : other
    }
    arrange()
  }

  function set(phase: 'idle' | 'busy' | 'open'): void {
    const does = { idle: 'Connect', busy: 'Cancel', open: 'Disconnect' }[phase]
    button.textContent = does
    button.dataset.does = phase === 'idle' ? 'begin' : 'end'
    button.classList.toggle('primary', phase === 'idle')
    if (phase !== 'idle') summarise()
    fields.hidden = phase !== 'idle'
    summary.hidden = phase === 'idle'
    element.classList.toggle('resting', phase !== 'idle')
  }

  setTrust('')
  set('idle')
  arrange()
  return {
    element,
    read,
    prefill,
    set,
    get way() {
      return way()
    },
  }
}

function row(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const about =
    hint === undefined ? undefined : el('span', { class: 'field-hint', id: uniqueId('hint') }, hint)
  if (about !== undefined) control.setAttribute('aria-describedby', about.id)
  return el('div', { class: 'row' }, el('label', { for: control.id }, label), control, about)
}
