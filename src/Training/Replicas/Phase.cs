namespace Ganymede.Training;

/// <summary>The two halves of a step, in their order. The numbers travel in frames.</summary>
public enum Phase : byte
{
    Discriminator = 1,
    Generator = 2,
}
