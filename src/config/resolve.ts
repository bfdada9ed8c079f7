import { resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { expandHome } from '../base/owner.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { type Demand, type FileValue, readConfigFile, readSiteFile, type SiteFile } from './config-file.js';
import {
  checkValue,
  flagOf,
  measureOf,
  type Setting,
  type SettingKey,
  settings,
  variableOf,
} from './settings.js';

/** A setting's value, and where it comes from. */
export interface Resolved {
  key: SettingKey;
  /** Undefined where nobody says anything and the program finds out by itself. */
  text: string | undefined;
  /** `flag --lease`, `environment IPCLUSTER_LEASE`, `FILE, line 3`, `default` … */
  source: string;
  /**
   * Where the site's demand on it stands, which the value keeps to; undefined where the site demands nothing.
   */
  enforced?: string;
}

/** What flags say, by key of the setting. */
export type Given = Partial<Record<SettingKey, string | undefined>>;

/**
 * All settings of a profile, each from the first that says something: flag, environment, profile, site,
 * default.
 */
export class Settings {
  readonly #values: ReadonlyMap<SettingKey, Resolved>;

  constructor(values: readonly Resolved[]) {
    this.#values = new Map(values.map((value) => [value.key, value]));
  }

  get all(): Resolved[] {
    return [...this.#values.values()];
  }

  /** The value as text; undefined where nobody says anything. */
  text(key: SettingKey): string | undefined {
    return this.#values.get(key)?.text;
  }

  /** The lines of a value that may have several; none where nobody says anything. */
  lines(key: SettingKey): string[] {
    return (this.text(key) ?? '').split('\n').filter(Boolean);
  }

  /** Flags for one of our programs: those of these settings about which somebody says something. */
  flags(...keys: SettingKey[]): string[] {
    return keys.flatMap((key) => {
      const { text, source } = this.#values.get(key) ?? {};
      return text === undefined || source === 'default' ? [] : [`--${flagOf(key)}`, text];
    });
  }
}

/** Where a site's file is, unless IPCLUSTER_SITE_FILE names another. */
const sitePath = (env: NodeJS.ProcessEnv): string => env['IPCLUSTER_SITE_FILE'] ?? '/etc/ipcluster/site.yaml';

/**
 * Resolves all settings. `found` is what the program finds out by itself, in place of a default; `usual` is
 * what holds for the launcher that is used. Throws USAGE for a wrong flag or variable, CONFIG for a mistake
 * in a file or for what the site does not allow.
 */
export function resolveSettings(
  place: Place,
  given: Given = {},
  env: NodeJS.ProcessEnv = process.env,
  found: Given = {},
  usual: { of: string; values: Given } = { of: '', values: {} },
): Settings {
  const profileFile = pathsOf(place).configFile;
  const profile = readConfigFile(profileFile);
  const site = readSiteFile(sitePath(env));
  return new Settings(
    settings.map((setting: Setting & { key: SettingKey }): Resolved => {
      const { key } = setting;
      const said =
        fromWords(setting, given[key], env) ?? fromFile(profile.get(key), profileFile, setting, place);
      const value = said ?? fromFile(site?.defaults.get(key), site?.path ?? '', setting, place);
      const common = usual.values[key];
      const own =
        common === undefined
          ? { text: found[key] ?? setting.default, source: 'default' }
          : { text: common, source: `default of ${usual.of}` };
      const resolved: Resolved = { key, ...(value ?? own) };
      const demand = site?.enforce.get(key);
      if (!site || !demand) return resolved;
      const { line } = (demand.exactly ?? demand.max ?? demand.min) as FileValue;
      return { ...obey(setting, resolved, site), enforced: `${site.path}, line ${line}` };
    }),
  );
}

function fromWords(
  setting: Setting,
  flag: string | undefined,
  env: NodeJS.ProcessEnv,
): Omit<Resolved, 'key'> | undefined {
  const { key } = setting;
  const variable = variableOf(key);
  const name = key === 'n' ? '-n' : `--${flagOf(key)}`;
  const [text, source, label] =
    flag === undefined
      ? [env[variable] || undefined, `environment ${variable}`, variable]
      : [flag, `flag ${name}`, name];
  if (text === undefined) return undefined;
  checkValue(setting, text, label);
  return { text: setting.kind === 'path' ? resolve(text) : text, source };
}

function fromFile(
  value: FileValue | undefined,
  path: string,
  { kind }: Setting,
  place: Place,
): Omit<Resolved, 'key'> | undefined {
  if (!value) return undefined;
  const text = kind === 'path' ? resolve(place.profileFolder, expandHome(value.text)) : value.text;
  return { text, source: `${path}, line ${value.line}` };
}

/** What the site enforces holds whatever others say; who said otherwise is told. */
function obey(setting: Setting, resolved: Resolved, site: SiteFile): Resolved {
  const demand = site.enforce.get(setting.key);
  if (!demand) return resolved;
  const refuse = (why: string, { line }: FileValue): never => {
    throw new IpclusterError(
      'CONFIG',
      `${setting.key} is ${resolved.text} (${resolved.source}), but this site ${why}.`,
      {
        files: [`${site.path}, line ${line}`],
        suggestions: [],
      },
    );
  };
  if (demand.exactly) {
    const source = `${site.path}, line ${demand.exactly.line} (enforced)`;
    if (isDefault(resolved) || resolved.text === demand.exactly.text)
      return { ...resolved, text: demand.exactly.text, source };
    refuse(`wants ${demand.exactly.text}`, demand.exactly);
  }
  const beyond = boundOf(setting, resolved, demand);
  if (!beyond) return resolved;
  if (!isDefault(resolved)) refuse(beyond.why, beyond.bound);
  return {
    ...resolved,
    text: beyond.bound.text,
    source: `${site.path}, line ${beyond.bound.line} (enforced)`,
  };
}

const isDefault = ({ source }: Resolved): boolean => source.startsWith('default');

/** The bound that a value is beyond; undefined when it keeps to both. */
function boundOf(
  setting: Setting,
  { text }: Resolved,
  { min, max }: Demand,
): { bound: FileValue; why: string } | undefined {
  const value = text === undefined ? undefined : measureOf(setting, text);
  if (value === undefined) return undefined;
  if (max && value > (measureOf(setting, max.text) ?? value))
    return { bound: max, why: `allows at most ${max.text}` };
  if (min && value < (measureOf(setting, min.text) ?? value))
    return { bound: min, why: `wants at least ${min.text}` };
  return undefined;
}
