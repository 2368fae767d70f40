mod index;
mod items;
mod plan;
mod poll;
