mod actor;
mod chance;
mod decisions;
mod layouts;
mod runs;
mod world;
