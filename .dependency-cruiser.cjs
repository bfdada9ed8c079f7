// The house: which room may import which (docs/decisions and the table in docs/house.md). Every room may import base.
const rooms = {
  base: [],
  protocol: [],
  processes: [],
  transport: ['protocol'],
  profile: ['protocol'],
  config: ['profile'],
  'launcher-kit': ['processes', 'config', 'profile'],
  launchers: ['launcher-kit', 'processes'],
  client: ['transport', 'protocol', 'profile'],
  controller: ['transport', 'protocol', 'profile', 'config', 'processes'],
  gateway: ['transport', 'protocol', 'profile'],
  supervisor: ['transport', 'protocol', 'profile', 'processes', 'config'],
  engine: ['protocol', 'processes'],
  cluster: ['launcher-kit', 'client', 'profile', 'config', 'processes', 'protocol'],
  commands: ['cluster', 'client', 'config', 'launcher-kit', 'profile', 'protocol'],
};

/** Modules that one room alone may import. */
const onlyImporters = {
  '^(node:)?child_process$': 'processes',
  'node_modules/execa/': 'processes',
  'node_modules/chokidar/': 'config',
  'node_modules/ws/': 'transport',
  'node_modules/(libsql)/': 'controller',
  'node_modules/(zod|yaml)/': 'config',
  'node_modules/@oclif/': 'commands',
  'node_modules/handlebars/': 'launcher-kit',
  'node_modules/acorn/': 'engine',
  'node_modules/zeromq/': 'gateway',
  'node_modules/ssh2/': 'launchers',
};

const arrows = Object.entries(rooms).map(([room, allowed]) => ({
  name: `house-${room}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, 'base', ...allowed].join('|')})/` },
}));

const importers = Object.entries(onlyImporters).map(([module, room]) => ({
  name: `only-${room}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${room}/` },
  to: { path: module },
}));

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: { path: '^src/' }, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    // Types included, where no circle of them is left.
    { name: 'no-circles-of-types', severity: 'error', from: { path: '^src/', pathNot: '^src/(launcher-kit|launchers)/' }, to: { circular: true } },
    ...arrows,
    ...importers,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
