"""The test kits. This package exports nothing itself; import from the kit that you need.

- ``esmodel.testing.scenarios``: given these events, a command triggers those. It needs neither
  pytest nor hypothesis.
- ``esmodel.testing.laws``: strategies that draw events, and random commands that check the laws of an
  aggregate. It needs hypothesis.
- ``esmodel.testing.contracts``: the laws of record stores, as test classes. It needs pytest and hypothesis.

``pip install 'esmodel[testing]'`` installs both. The pytest fixtures come with esmodel.
"""
