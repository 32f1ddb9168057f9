// Light, dark, or as the system says; remembered on this machine.
import { el } from './dom.js'

const themes = ['auto', 'light', 'dark'] as const
const labels = { auto: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' } as const
const glyphs = { auto: '◐', light: '☀', dark: '☾' } as const
type Theme = (typeof themes)[number]

export function themeToggle(): HTMLElement {
  let theme = remembered()
  const button = el('button', {
    type: 'button',
    class: 'quiet-button theme',
    on: { click: () => set(themes[(themes.indexOf(theme) + 1) % themes.length]!) },
  })

  function set(given: Theme): void {
    theme = given
    document.documentElement.dataset.theme = theme
    button.textContent = glyphs[theme]
    button.setAttribute('aria-label', labels[theme])
    button.title = labels[theme]
    try {
      localStorage.setItem('theme', theme)
    } catch {
      // Storage is denied: it holds until the page is left.
    }
  }

  set(theme)
  return button
}

function remembered(): Theme {
  try {
    const stored = localStorage.getItem('theme')
    return themes.find((each) => each === stored) ?? 'auto'
  } catch {
    return 'auto'
  }
}
