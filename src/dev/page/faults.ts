import { type FaultMode, setFault } from './backend.ts'
import { byId } from './element.ts'

/** The switches of the contacts API. @returns shows the mode that the server has */
export const createFaultSwitches = (complain: (error: unknown) => void): ((mode: FaultMode) => void) => {
  const choices = [...document.querySelectorAll<HTMLInputElement>('input[name="fault"]')]
  const field = byId<HTMLSelectElement>('refused-field')
  const refusing = byId<HTMLInputElement>('fault-refuse')
  const set = (): void => {
    const chosen = choices.find(({ checked }) => checked)
    const mode = chosen === refusing ? field.value : chosen?.value
    void setFault(mode as FaultMode).catch(complain)
  }
  for (const choice of choices) choice.addEventListener('change', set)
  field.addEventListener('change', () => {
    refusing.checked = true
    set()
  })
  return (mode) => {
    const isRefusing = mode.startsWith('refuse_')
    if (isRefusing) field.value = mode
    for (const choice of choices) choice.checked = choice === refusing ? isRefusing : choice.value === mode
  }
}
