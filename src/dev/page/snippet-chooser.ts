import { byId, make, nextId } from './element.ts'
import type { Part } from './snippet-servers.ts'
import { type Framework, frameworksAt } from './snippets.ts'

/** @returns false where the browser gives no clipboard: on plain http that is not this machine */
const copy = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

const partOf = ({ file, code }: Part): HTMLElement => {
  const id = nextId('part')
  const title = make('h3', '', file)
  title.id = id
  const button = make('button', 'quiet small', 'Copy')
  button.ariaLabel = `Copy: ${file}`
  const text = make('pre', '', make('code', '', code))
  // What scrolls must be reachable by keyboard.
  text.tabIndex = 0
  text.setAttribute('role', 'region')
  text.setAttribute('aria-labelledby', id)
  button.addEventListener('click', async () => {
    const isCopied = await copy(code)
    if (!isCopied) getSelection()?.selectAllChildren(text)
    byId('copied').textContent = isCopied ? `Copied: ${file}.` : 'Selected: press Ctrl+C, or Cmd+C on a Mac.'
  })
  return make('li', '', make('div', 'title', title, button), text)
}

/** Shows what to paste for the framework that is chosen. */
export const createSnippetChooser = (): void => {
  const frameworks = byId('frameworks')
  const show = ({ parts }: Framework): void => {
    byId('snippets').replaceChildren(...parts.map(partOf))
    byId('copied').textContent = ''
  }
  frameworksAt(location.origin).forEach((framework, n) => {
    const { name } = framework
    const radio = make('input', '')
    radio.type = 'radio'
    radio.name = 'framework'
    radio.value = name
    radio.checked = n === 0
    radio.addEventListener('change', () => show(framework))
    frameworks.append(make('label', 'choice', radio, make('span', '', name)))
    if (n === 0) show(framework)
  })
}
